"""The weather of a link is a plan: the same seed gives the same, every kind comes, and a calm sky stays calm."""

from collections import Counter
from random import Random

from proof.chaos.faults import FAIR, Fault, Sky, Weather


def drawn(seed: int, count: int) -> list[Weather]:
    sky = Sky(Random(seed))
    return [sky.next() for _ in range(count)]


def kind(weather: Weather) -> Fault | None:
    if weather.loss:
        return Fault.SILENCE if weather.loss == 1.0 else Fault.LOSS
    if weather.delay:
        return Fault.DELAY
    return Fault.DRIP if weather.drip else weather.blow


def test_a_seed_is_a_plan() -> None:
    assert drawn(7, 200) == drawn(7, 200)
    assert drawn(7, 200) != drawn(8, 200)


def test_every_fault_comes_and_none_lasts() -> None:
    weathers = drawn(1, 2000)
    assert set(Counter(map(kind, weathers))) == {None, *Fault}
    assert all(0.5 <= weather.seconds <= 5.0 for weather in weathers)
    assert all(0.0 <= weather.loss <= 1.0 and 0.0 <= weather.delay <= 3.0 for weather in weathers)


def test_a_calm_sky_stays_calm() -> None:
    sky = Sky(Random(1))
    sky.calm()
    assert [sky.next() for _ in range(3)] == [FAIR] * 3
