"""One connection's numbers: what was sent and not yet acked, what was received and not yet acked, and one timer.

Rules for what we send: an element is sent again under its own number until it is acked; the wait is flat while anything
comes from the peer and grows only when the peer is silent altogether; without loss nothing is sent twice inside a
tick, with loss an element goes out in as many copies, each in a frame of its own, as get it through with high
probability; what waits its turn at a busy peer is not repeated; a budget bounds a tick, the policy the window.
Rules for what we receive: new: an event and no ack yet; a duplicate before `confirm`: nothing; `confirm`, after the
effect is committed: ack; a duplicate after it: ack again. Numbers are int64 of any sign, with gaps, in any order.
Room is bounded: an element that finds none is dropped without a trace, as if lost, and the peer sends it again; ranges
of confirmed numbers beyond the limit are forgotten, lowest first, and such a duplicate is then new once more, for the
receiver's durable inbox to recognise.

No clock, no randomness and no message types: `now` and `rng` are arguments, elements are bytes. Cost of a timer: what
is due, not the window. After an exception a session cannot be used again. Deliberately elsewhere: what outlives a
connection (the owner hands `unacked()` to the next session), and the bytes of a frame (the owner's codec).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from heapq import heapify, heappop, heappush
from random import Random

from wire.errors import (
    FrameTooLong,
    LocalProtocolError,
    NotReceived,
    NumberOutOfRange,
    NumberReused,
    Unusable,
    WindowFull,
)
from wire.frontier import Frontier
from wire.loss import LossEstimate
from wire.outgoing import Outgoing, cut
from wire.ranges import RangeSet

_INT64 = 1 << 63
_MISSES_OF_A_WINDOW = 0.1
_SILENCE_SAMPLES = 2
_UNLIKELY = 1e-3


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, limits in numbers or bytes; nothing of any one peer."""

    # The peer acks within one tick.
    tick: float = 6.0
    # Wait for an ack: tick * patience + slack; the slack is for both sides' own slowness.
    patience: float = 1.15
    slack: float = 0.05
    # So many waits in silence, then they grow, up to `longest_wait`.
    silent_waits: int = 4
    longest_wait: float = 60.0
    # Copies of one element inside one wait, and the part of a tick over which they are spread.
    max_copies: int = 12
    confidence: float = 0.99
    spread: float = 0.3
    # Elements sent in one tick, copies included.
    budget: int = 12_000
    window: int = 4096
    # Of the window's elements: a peer may answer all of them in one message, and as long as they are.
    window_bytes: int = 1024 * 1024
    max_frame: int = 256 * 1024
    max_unconfirmed: int = 20_000
    max_ranges: int = 65_536

    @property
    def wait(self) -> float:
        """How long an ack is waited for before the element counts as lost."""
        return self.tick * self.patience + self.slack


class Verdict(Enum):
    """What a received number is."""

    NEW = "new"
    UNCONFIRMED = "seen, not confirmed"
    CONFIRMED = "seen and confirmed, acked again"
    NO_ROOM = "dropped"


@dataclass(slots=True)
class _Entry:
    """An unacked element. `order` tells its live heap item from one left behind."""

    element: bytes
    order: int
    # Which place this round has among all, and how many there were at its last copy; 0: it was never said.
    place: int = 0
    said_then: int = 0
    # Of the round of sending and waiting that is under way.
    copies: int = 0
    wanted: int = 1
    round_began: float = float("-inf")
    round_ends: float = float("-inf")


class Session:
    """The numbers of one connection, in both directions. `loss` may be shared by one peer's successive sessions."""

    def __init__(self, policy: Policy, now: float, rng: Random, loss: LossEstimate | None = None) -> None:
        self.policy = policy
        self.elements_sent = 0
        self.resends = 0
        self.no_room = 0
        self._rng = rng
        self._loss = loss or LossEstimate(policy.max_copies, policy.wait)
        self._frontier = Frontier()
        self._failure: LocalProtocolError | None = None
        self._window: dict[int, _Entry] = {}
        self._window_bytes = 0
        self._due: list[tuple[float, int, int]] = []
        self._order = 0
        self._tokens = float(policy.budget)
        self._tokens_at = now
        self._heard_at = now
        self._waiting_since = now
        self._unheard_copies = 0
        self._silence_samples = 0
        self._silence_sampled_at = now
        self._unconfirmed: set[int] = set()
        self._confirmed = RangeSet(policy.max_ranges)
        self._acks: dict[int, None] = {}
        self._acks_at = now

    # What we send.

    @property
    def unacked_count(self) -> int:
        """How many elements are in the window."""
        return len(self._window)

    @property
    def room(self) -> int:
        """How many more elements the window takes, as far as is known before they come."""
        return self.policy.window - len(self._window) if self._window_bytes < self.policy.window_bytes else 0

    def element_of(self, number: int) -> bytes | None:
        """Give the unacked element with this number, or None."""
        entry = self._window.get(number)
        return entry.element if entry else None

    def unacked(self) -> Iterator[tuple[int, bytes]]:
        """Give the numbers and elements of the window in the order in which they were sent first."""
        return ((number, entry.element) for number, entry in self._window.items())

    def loss(self, now: float) -> float:
        """Give the believed loss of single copies towards the peer, 0 to 1."""
        return self._loss.value(now)

    def send(self, number: int, element: bytes, now: float) -> None:
        """Put an element in the window; `outgoing` gives it at once. The same again does nothing.

        Raises `WindowFull`, `NumberReused`, `NumberOutOfRange`, `FrameTooLong`.
        """
        self._check(number)
        known = self._window.get(number)
        if known is not None:
            if known.element != element:
                raise self._fail(NumberReused(number))
            return
        if len(self._window) >= self.policy.window:
            raise self._fail(WindowFull(self.policy.window))
        if len(element) > self.policy.max_frame:
            raise self._fail(FrameTooLong(len(element), self.policy.max_frame))
        if not self._window:  # nobody is silent who was not spoken to
            self._waiting_since = now
            self._unheard_copies = 0
        self._window[number] = entry = _Entry(element, 0)
        self._window_bytes += len(element)
        self._schedule(number, entry, now)

    def acked(self, numbers: Iterable[int], now: float) -> list[int]:
        """Take the peer's acks; give those that were for elements in the window. Unknown numbers are ignored."""
        self.heard(now)
        known = []
        for number in numbers:
            entry = self._take_out(number)
            if entry is not None:
                known.append(number)
                self._frontier.acked(entry.place, now)
                if entry.copies:
                    self._loss.answered(entry.copies)
        return known

    def withdraw(self, numbers: Iterable[int]) -> None:
        """Take elements out of the window without an ack; unknown numbers are ignored."""
        self._usable()
        for number in numbers:
            self._take_out(number)

    def _take_out(self, number: int) -> _Entry | None:
        entry = self._window.pop(number, None)
        if entry is not None:
            self._window_bytes -= len(entry.element)
        return entry

    # What we receive.

    @property
    def unconfirmed_count(self) -> int:
        """How many received numbers wait for `confirm`."""
        return len(self._unconfirmed)

    def heard(self, now: float) -> None:
        """Say that something came from the peer, whatever it was."""
        self._usable()
        if self._away(now):
            self._pull(now)
        self._heard_at = now
        self._unheard_copies = self._silence_samples = 0

    def receive(self, number: int, now: float) -> Verdict:
        """Say what a received number is. `NEW` must be followed by `confirm` once its effect is committed."""
        self._check(number)
        self.heard(now)
        if number in self._unconfirmed:
            return Verdict.UNCONFIRMED
        if number in self._confirmed:
            self._ack(number, now)
            return Verdict.CONFIRMED
        if len(self._unconfirmed) >= self.policy.max_unconfirmed:
            self.no_room += 1
            return Verdict.NO_ROOM
        self._unconfirmed.add(number)
        return Verdict.NEW

    def confirm(self, numbers: Iterable[int], now: float) -> None:
        """Say that the effects of these numbers are committed: they are acked. Raises `NotReceived`."""
        self._usable()
        for number in numbers:
            if number not in self._unconfirmed:
                raise self._fail(NotReceived(number))
            self._unconfirmed.remove(number)
            self._confirmed.add(number)
            self._ack(number, now)

    def acknowledge(self, number: int, now: float) -> None:
        """Ack a number that the owner counts itself, outside of `receive` and `confirm`."""
        self._check(number)
        self._ack(number, now)

    # What goes out, and when.

    @property
    def next_timer(self) -> float | None:
        """When `outgoing` has something to give; None: not before something else happens."""
        due = self._due
        while due and self._stale(due[0]):
            heappop(due)
        times = [self._acks_at] if self._acks else []
        if due:
            times.append(due[0][0] if self._tokens >= 1 else max(due[0][0], self._tokens_at + self.policy.tick / 20))
        return min(times) if times else None

    def outgoing(self, now: float) -> list[Outgoing]:
        """Give the frames that are due at `now`, pending acks merged in; also what to call when the timer fires."""
        self._usable()
        elements = self._take_due(now)
        acks = list(self._acks)
        self._acks.clear()
        return list(cut(elements, acks, self.policy.max_frame))

    def _take_due(self, now: float) -> list[bytes]:
        self._refill(now)
        numbers = self._pop_due(now)
        if not numbers:
            return []
        policy = self.policy
        wait, copies = policy.wait, 1
        if self._away(now):
            wait = self._longer_wait(now)
        elif now >= self._frontier.busy_until:
            copies = self._loss.copies(now, self._allowed_misses())
        pace = policy.spread * policy.tick * (0.75 + 0.25 * self._rng.random())
        elements: list[bytes] = []
        for number in numbers:
            entry = self._window[number]
            if entry.round_ends <= now:
                entry.round_began, entry.round_ends, entry.copies, entry.wanted = now, now + wait, 0, copies
                entry.place = self._frontier.say()
            elif self._tokens < policy.budget / 4:
                self._schedule(number, entry, entry.round_ends)
                continue
            self.resends += entry.said_then > 0
            entry.said_then = self._frontier.said
            entry.copies += 1
            elements.append(entry.element)
            self._tokens -= 1
            again = now + pace / (entry.wanted - 1) if entry.copies < entry.wanted else entry.round_ends
            self._schedule(number, entry, min(again, entry.round_ends))
        self._frontier.end()
        self.elements_sent += len(elements)
        self._unheard_copies += len(elements)
        return elements

    def _pop_due(self, now: float) -> list[int]:
        """Take from the heap what is due and within the budget, and count the rounds that ended in vain."""
        due = self._due
        numbers: list[int] = []
        while due and due[0][0] <= now and len(numbers) + 1 <= self._tokens:
            item = heappop(due)
            if self._stale(item):
                continue
            entry = self._window[item[2]]
            if entry.copies and entry.round_ends <= now:
                if self._frontier.may_wait(entry.said_then, entry.round_began, self._loss.value(now)):
                    entry.round_began, entry.round_ends = now, now + self.policy.wait
                    self._frontier.busy_until = entry.round_ends
                    self._schedule(item[2], entry, entry.round_ends)
                    continue
                self._sample_unanswered(entry, now)
            numbers.append(item[2])
        return numbers

    def _sample_unanswered(self, entry: _Entry, now: float) -> None:
        """Count a lost round; a peer that said nothing at all may just be away, and counts once for all elements."""
        if self._heard_at < entry.round_began:
            if self._silence_sampled_at >= entry.round_began or self._silence_samples >= _SILENCE_SAMPLES:
                return
            self._silence_sampled_at = now
            self._silence_samples += 1
        self._loss.unanswered(entry.copies)

    def _allowed_misses(self) -> float:
        """Give the chance with which one element may fail to get through: all of them together rarely wait a tick."""
        return min(1 - self.policy.confidence, _MISSES_OF_A_WINDOW / max(1, len(self._window)))

    def _away(self, now: float) -> bool:
        """Whether the peer is silent for longer, and after more copies, than loss explains."""
        silence = now - max(self._heard_at, self._waiting_since)
        return (
            silence > self.policy.wait * self.policy.silent_waits
            and self._loss.value(now) ** self._unheard_copies < _UNLIKELY
        )

    def _longer_wait(self, now: float) -> float:
        """Give a wait in proportion to the silence so far, with jitter: it grows exponentially, up to the cap."""
        silence = now - max(self._heard_at, self._waiting_since)
        grown = silence / self.policy.silent_waits * (1 + 0.25 * self._rng.random())
        return max(self.policy.wait, min(self.policy.longest_wait, grown))

    def _pull(self, now: float) -> None:
        """Make all due now that waits for a peer which was away: it is back. Rare, and so it may cost the window."""
        self._due = []
        for number, entry in self._window.items():
            self._order += 1
            entry.order, entry.round_ends, entry.copies = self._order, now, 0
            self._due.append((now, self._order, number))
        heapify(self._due)

    def _refill(self, now: float) -> None:
        earned = (now - self._tokens_at) * self.policy.budget / self.policy.tick
        if earned > 0:
            self._tokens = min(float(self.policy.budget), self._tokens + earned)
            self._tokens_at = now

    def _schedule(self, number: int, entry: _Entry, at: float) -> None:
        self._order += 1
        entry.order = self._order
        heappush(self._due, (at, self._order, number))

    def _stale(self, item: tuple[float, int, int]) -> bool:
        entry = self._window.get(item[2])
        return entry is None or entry.order != item[1]

    def _ack(self, number: int, now: float) -> None:
        if not self._acks:
            self._acks_at = now
        self._acks[number] = None

    def _check(self, number: int) -> None:
        self._usable()
        if not -_INT64 <= number < _INT64:
            raise self._fail(NumberOutOfRange(number))

    def _usable(self) -> None:
        if self._failure is not None:
            raise Unusable(self._failure)

    def _fail(self, error: LocalProtocolError) -> LocalProtocolError:
        self._failure = error
        return error
