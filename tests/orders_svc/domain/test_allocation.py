"""Allocation, by property."""

import copy
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_svc.domain.allocation import Allocation, Level, Place, Shelves, Shortage, Wanted

INT32 = st.integers(-(2**31), 2**31 - 1)
OFFERS, PLACES = (1, 2, 3), (1, 2, 3, 4)
units = st.integers(0, 20)


@st.composite
def levels(draw: st.DrawFn) -> dict[tuple[int, int], Level]:
    """Any levels that the table would accept: what is promised is there or coming."""
    found = {}
    for offer_id in OFFERS:
        for place in PLACES:
            if draw(st.booleans()):
                available, ordered = draw(units), draw(units)
                found[offer_id, place] = Level(available, ordered, draw(st.integers(0, available + ordered)))
    return found


places = st.tuples(*(st.builds(Place, st.just(number), INT32, INT32) for number in PLACES))
wishes = st.lists(
    st.builds(Wanted, st.sampled_from(OFFERS), st.integers(1, 40), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda wanted: wanted.offer_id,
)


def sums(shelves: Shelves, column: str) -> Counter[tuple[int, int]]:
    return Counter({key: getattr(level, column) for key, level in shelves.levels.items() if getattr(level, column)})


def taken(allocation: Allocation, *, ready: bool) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for parcel in allocation.parcels:
        if parcel.ready == ready:
            found.update({(offer_id, parcel.warehouse_id): count for offer_id, count in parcel.units.items()})
    return found


@given(levels(), places, st.lists(st.tuples(wishes, INT32, INT32), min_size=1, max_size=4))
def test_units_are_conserved_and_never_promised_twice(
    there: dict[tuple[int, int], Level], where: tuple[Place, ...], orders: list[tuple[list[Wanted], int, int]]
) -> None:
    shelves = Shelves(copy.deepcopy(there), where)
    for wanted, x, y in orders:
        before = copy.deepcopy(shelves)
        answer = shelves.allocate(wanted, x, y)
        if isinstance(answer, Shortage):
            assert sums(shelves, "available") == sums(before, "available")
            assert sums(shelves, "awaited") == sums(before, "awaited")
            continue
        now, later = taken(answer, ready=True), taken(answer, ready=False)
        assert sum(now.values()) + sum(later.values()) == sum(line.quantity for line in wanted)
        for line in wanted:
            of_offer = sum(count for (offer_id, _), count in (now + later).items() if offer_id == line.offer_id)
            assert of_offer == line.quantity
        assert sums(shelves, "available") + now == sums(before, "available")
        assert sums(shelves, "awaited") == sums(before, "awaited") + later
        assert sums(shelves, "ordered") == sums(before, "ordered") + Counter(answer.buys)
        for key, level in shelves.levels.items():
            assert level.available >= 0
            assert level.awaited <= level.available + level.ordered
            # Units that were promised to somebody before are still there for them.
            assert now[key] <= before.level(*key).free
        assert all(line.allow_backorder for line in wanted if any(line.offer_id == key[0] for key in answer.buys))
        names = [(parcel.warehouse_id, parcel.ready) for parcel in answer.parcels]
        assert len(names) == len(set(names))
        assert all(count > 0 for parcel in answer.parcels for count in parcel.units.values())


@given(levels(), places, wishes, INT32, INT32)
def test_a_refusal_is_true_and_takes_nothing(
    there: dict[tuple[int, int], Level], where: tuple[Place, ...], wanted: list[Wanted], x: int, y: int
) -> None:
    shelves = Shelves(copy.deepcopy(there), where)
    answer = shelves.allocate(wanted, x, y)
    short = {
        line.offer_id: left
        for line in wanted
        if (
            left := sum(
                level.available + level.ordered - level.awaited
                for (offer_id, _), level in there.items()
                if offer_id == line.offer_id
            )
        )
        < line.quantity
        and not line.allow_backorder
    }
    if isinstance(answer, Shortage):
        assert answer.left == short[answer.offer_id]
        assert {key: level for key, level in shelves.levels.items() if level != Level()} == {
            key: level for key, level in there.items() if level != Level()
        }
    else:
        assert not short


@given(levels(), places, wishes, INT32, INT32)
def test_one_parcel_from_the_nearest_place_that_has_everything(
    there: dict[tuple[int, int], Level], where: tuple[Place, ...], wanted: list[Wanted], x: int, y: int
) -> None:
    def distance(place: Place) -> tuple[int, int]:
        return abs(place.x - x) + abs(place.y - y), place.warehouse_id

    def has(place: Place, line: Wanted) -> bool:
        return there.get((line.offer_id, place.warehouse_id), Level()).free >= line.quantity

    whole = [place for place in where if all(has(place, line) for line in wanted)]
    answer = Shelves(copy.deepcopy(there), where).allocate(wanted, x, y)
    if whole:
        assert isinstance(answer, Allocation)
        assert [(parcel.warehouse_id, parcel.ready) for parcel in answer.parcels] == [
            (min(whole, key=distance).warehouse_id, True)
        ]
    if isinstance(answer, Allocation):
        assert {place for _, place in answer.buys} <= {min(where, key=distance).warehouse_id}


def test_goods_that_no_place_has_together_come_from_the_nearest_places() -> None:
    where = (Place(1, 0, 0), Place(2, 10, 0), Place(3, 20, 0))
    shelves = Shelves({(1, 2): Level(5), (1, 3): Level(5), (2, 1): Level(1)}, where)
    answer = shelves.allocate([Wanted(1, 7, False), Wanted(2, 1, False)], 19, 0)
    assert isinstance(answer, Allocation)
    assert {parcel.warehouse_id: parcel.units for parcel in answer.parcels} == {3: {1: 5}, 2: {1: 2}, 1: {2: 1}}


def test_of_two_places_as_near_the_one_with_the_smaller_number_is_taken() -> None:
    where = (Place(2, 0, 1), Place(1, 1, 0))
    answer = Shelves({(1, 1): Level(1), (1, 2): Level(1)}, where).allocate([Wanted(1, 1, False)], 0, 0)
    assert isinstance(answer, Allocation)
    assert [parcel.warehouse_id for parcel in answer.parcels] == [1]


def test_without_any_warehouse_nothing_can_be_allocated() -> None:
    with pytest.raises(ValueError, match="no warehouse"):
        Shelves({}, ()).allocate([Wanted(1, 1, True)], 0, 0)
