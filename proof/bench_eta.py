"""How true the expected times are: in virtual time, against the stand-ins, at simulation speeds from 100 to 5,000.

Each run plays one day of a small shop; its parcels are asked about at the beginning of each stage and at two moments of
chance, knowing only what had been delivered until then. A range holds if the parcel was delivered within it. Promised:
in 90 of 100 runs the range that is given at a moment of chance holds, and ranges are, on average, no wider than half of
the time that is left, or two ticks and two polls, whichever is more. The seeds are not those that the model was made
with. A shop that is three times as busy is measured as well: its ranges hold, too, and are wider.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from orders_svc.domain.eta import Experience, Parcel
from proof.eta_shop import ORDINARY, POLL, TICK, deliveries
from proof.figures import Figure

SPEEDS = (100, 119, 150, 300, 600, 1000, 2000, 5000)
# The model was made with seeds below 1,000.
FIRST_SEED = 1000
SEEDS = 8
AT_CHANCE = 2
BUSY = ORDINARY / 3
PROMISED = 0.90
LEAST_WIDTH = 2 * TICK + 2 * POLL


@dataclass(frozen=True, slots=True)
class Answer:
    """One range that was given: whether it held, how wide it was, and how wide it may be. Seconds."""

    held: bool
    width: float
    may_be: float
    # How many parcels had been delivered before.
    known: int


@dataclass(frozen=True, slots=True)
class Score:
    """Of many ranges: the share that held, the mean width, and the mean of what it may be."""

    held: float
    width: float
    may_be: float
    answers: int
    unanswered: int


def measure() -> Iterator[Figure]:
    """All speeds together, and each apart."""
    by_speed = {speed: ask_all([(seed, speed) for seed in _seeds()]) for speed in SPEEDS}
    yield from _figures("100 to 5,000", [one for answers in by_speed.values() for one in answers])
    for speed, answers in by_speed.items():
        yield from _figures(str(speed), answers)
    busy = ask_all([(seed, speed) for seed in _seeds() for speed in SPEEDS], ordinary=BUSY)
    held, width = _figures("100 to 5,000, three times as busy", busy)
    yield from (held, replace(width, at_most=None))


def score(answers: Iterable[Answer | None]) -> Score:
    """The means; None is a question without an answer."""
    asked = list(answers)
    given = [answer for answer in asked if answer is not None]
    count = len(given)
    return Score(
        held=sum(answer.held for answer in given) / count,
        width=sum(answer.width for answer in given) / count,
        may_be=sum(answer.may_be for answer in given) / count,
        answers=count,
        unanswered=len(asked) - count,
    )


def ask_all(runs: Iterable[tuple[int, int]], *, ordinary: float = ORDINARY) -> list[Answer | None]:
    """Everything that is asked in some runs (seed, simulation speed)."""
    return [answer for seed, speed in runs for answer in ask(deliveries(seed, speed, ordinary=ordinary), seed)]


def ask(parcels: Sequence[Parcel], seed: int) -> list[Answer | None]:
    """Asks about each parcel of a run as if nothing later were known."""
    rng = Random(f"questions {seed}")
    moments: list[tuple[float, Parcel, float]] = []
    for parcel in parcels:
        began, ended = parcel.stages[0][0], parcel.delivered_at
        assert ended is not None
        asked_at = [since for since, _ in parcel.stages] + [rng.uniform(began, ended) for _ in range(AT_CHANCE)]
        moments += [(at, parcel, ended) for at in asked_at if at < ended]
    moments.sort(key=lambda one: one[0])
    experience, known = Experience([], TICK), -1
    answers: list[Answer | None] = []
    for at, parcel, ended in moments:
        before = [_as_of(one, at) for one in parcels if one.stages[0][0] <= at]
        delivered = sum(one.delivered_at is not None for one in before)
        if delivered != known:
            experience, known = Experience(before, TICK), delivered
        expected = experience.expect(_as_of(parcel, at), at)
        if expected is None:
            answers.append(None)
            continue
        held = expected.earliest <= ended <= expected.latest
        may_be = max((ended - at) / 2, LEAST_WIDTH)
        answers.append(Answer(held, expected.latest - expected.earliest, may_be, delivered))
    return answers


def _as_of(parcel: Parcel, at: float) -> Parcel:
    """The parcel as it was known at a moment."""
    if parcel.delivered_at is not None and parcel.delivered_at <= at:
        return parcel
    stages = tuple((since, stage) for since, stage in parcel.stages if since <= at)
    return replace(parcel, stages=stages, delivered_at=None)


def _seeds() -> range:
    return range(FIRST_SEED, FIRST_SEED + SEEDS)


def _figures(speeds: str, answers: Sequence[Answer | None]) -> Iterator[Figure]:
    found = score(answers)
    note = f"{found.answers} ranges, {found.unanswered} questions before the first delivery"
    held = f"expected times that held, speed {speeds}"
    yield Figure(held, found.held * 100, "%", "promised", PROMISED * 100, note, at_least=1.0)
    yield Figure(f"mean width of the range, speed {speeds}", found.width, "s", "at most", found.may_be, at_most=1.0)
