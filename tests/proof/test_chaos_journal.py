"""The worlds' journal as it is read: worlds of two lives are two, and a line cut short by a kill does not count."""

import json

import pytest

from proof.chaos.journal import WorldKey, read_journal


def line(boot: str, at: float, event: str, **facts: object) -> str:
    return json.dumps({"boot": boot, "at": at, "event": event, **facts}) + "\n"


def life(boot: str, package: int) -> list[str]:
    return [
        line(boot, 1.0, "started"),
        line(boot, 1.1, "world", world=1),
        line(boot, 1.2, "bought", world=1, warehouse=2, product=3, count=4),
        line(boot, 1.3, "bought", world=1, warehouse=2, product=3, count=1),
        line(boot, 1.4, "taken", world=1, package=package, warehouse=2, things=[[3, 2]]),
        line(boot, 1.5, "packed", world=1, package=package),
        line(boot, 1.6, "loaded", world=1, package=package, truck=9),
        line(boot, 1.7, "delivered", world=1, package=package, truck=9, x=-5, y=6),
    ]


def test_everything_is_booked_in_its_world() -> None:
    account = read_journal([*life("a", 100), *life("b", 200)])
    assert account.boots == {"a": 1.0, "b": 1.0}
    assert account.last_boot == "b"
    assert account.worlds == [WorldKey("a", 1), WorldKey("b", 1)]
    assert account.bought[WorldKey("a", 1)] == {(2, 3): 5}
    assert account.taken[WorldKey("b", 1)] == {(2, 3): 2}
    [parcel] = account.parcels[200]
    assert (parcel.world, parcel.things, parcel.places) == (WorldKey("b", 1), {3: 2}, [(-5, 6)])
    assert (parcel.packed, parcel.loaded, parcel.delivered) == ([1.5], [1.6], [1.7])


def test_only_the_last_life_has_a_latest_world() -> None:
    account = read_journal([*life("a", 100), line("b", 2.0, "started")])
    assert account.latest(1) is None
    assert read_journal(life("a", 100)).latest(1) == WorldKey("a", 1)
    assert read_journal([]).latest(1) is None


def test_a_package_of_two_worlds_is_two() -> None:
    account = read_journal([*life("a", 100), *life("b", 100)])
    assert [parcel.world.boot for parcel in account.parcels[100]] == ["a", "b"]


def test_a_last_line_without_its_end_does_not_count() -> None:
    lines = life("a", 100)
    account = read_journal([*lines[:-1], lines[-1][:30]])
    assert account.parcels[100][0].delivered == []


@pytest.mark.parametrize("text", ["no json\n", line("a", 1.0, "vanished", world=1, package=100)])
def test_what_is_no_journal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_journal([*life("a", 100), text])


def test_a_life_is_over_once_the_next_one_has_begun() -> None:
    account = read_journal([line("a", 1.0, "started"), line("b", 5.0, "started")])
    assert not account.is_over("a", 4.9)
    assert account.is_over("a", 5.0)
    assert not account.is_over("b", 99.0)
