"""The map of an order, whatever the world measures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.orders.map import HEIGHT, WIDTH, Trip, draw

INT32 = st.integers(-(2**31), 2**31 - 1)
PLACE = st.tuples(INT32, INT32)


def trip(number: int = 1, **fields: object) -> Trip:
    known: dict[str, object] = {
        "warehouse_name": "Harbour",
        "warehouse": (0, 0),
        "door": (12, -7),
        "is_over": False,
        "seen": None,
    }
    return Trip(number, **(known | fields))  # type: ignore[arg-type]


def test_a_way_goes_along_x_first_as_the_worlds_trucks_do() -> None:
    drawn = draw([trip()])
    assert drawn is not None
    (start, corner, end) = drawn.ways[0].points
    assert start[1] == corner[1]
    assert corner[0] == end[0]
    assert (drawn.warehouses[0].x, drawn.warehouses[0].y) == start
    assert (drawn.doors[0].x, drawn.doors[0].y) == end
    assert end[0] > start[0], "east is right"
    assert end[1] > start[1], "south is down"


def test_a_truck_is_where_it_was_seen_and_nowhere_else() -> None:
    drawn = draw([trip(seen=(7, (6, 0), 100.0)), trip(2, door=(3, 3))])
    assert drawn is not None
    (truck,) = drawn.trucks
    assert (truck.truck_id, truck.parcel, truck.at) == (7, 1, 100.0)
    start, corner = drawn.ways[0].points[:2]
    assert truck.x == pytest.approx((start[0] + corner[0]) / 2, abs=0.2)
    assert drawn.words == (
        "Parcel 1 goes from Harbour at (0, 0) to (12, -7). Truck 7 was last seen at (6, 0). "
        "Parcel 2 goes from Harbour at (0, 0) to (3, 3)."
    )


def test_a_place_appears_once_however_many_parcels_share_it() -> None:
    drawn = draw(
        [trip(), trip(2), trip(3, warehouse=(9, 9), warehouse_name="Hill")], [("Far", (10**9, 0)), ("Near", (5, 2))]
    )
    assert drawn is not None
    assert [one.name for one in drawn.warehouses] == ["Harbour", "Hill"]
    assert len(drawn.doors) == 1
    assert [one.name for one in drawn.others] == ["Near"]


def test_without_parcels_there_is_no_map() -> None:
    assert draw([]) is None


@given(st.lists(st.tuples(PLACE, PLACE, st.none() | PLACE), min_size=1, max_size=6), st.lists(PLACE, max_size=20))
def test_everything_is_on_the_drawing(
    trips: list[tuple[tuple[int, int], tuple[int, int], tuple[int, int] | None]], others: list[tuple[int, int]]
) -> None:
    drawn = draw(
        [
            trip(n, warehouse=warehouse, door=door, seen=None if seen is None else (1, seen, 0.0))
            for n, (warehouse, door, seen) in enumerate(trips, 1)
        ],
        [("W", place) for place in others],
    )
    assert drawn is not None
    places = [(one.x, one.y) for one in (*drawn.warehouses, *drawn.doors, *drawn.trucks, *drawn.others)]
    places += [point for way in drawn.ways for point in way.points]
    assert all(-0.1 <= x <= WIDTH + 0.1 and -0.1 <= y <= HEIGHT + 0.1 for x, y in places)
    assert 1 <= len(drawn.columns) <= 12
    assert len(drawn.rows) <= 12


def test_names_of_places_beside_each_other_stand_on_lines_of_their_own() -> None:
    places = {"Market Square": (0, 0), "Harbour": (4, 0), "Hill": (8, 0)}
    trips = [
        trip(number, warehouse_name=name, warehouse=place) for number, (name, place) in enumerate(places.items(), 1)
    ]
    drawn = draw(trips)
    assert drawn is not None
    assert [(one.name, one.line) for one in drawn.warehouses] == [("Market Square", 0), ("Harbour", 1), ("Hill", 0)]


def test_a_name_near_the_lower_edge_goes_above_its_place_rather_than_out_of_the_picture() -> None:
    at_the_edge = {"warehouse": (0, -7), "warehouse_name": "Market Square"}
    drawn = draw([trip(**at_the_edge), trip(2, warehouse=(3, -7), warehouse_name="Harbour"), trip(3, door=(12, 0))])
    assert drawn is not None
    lines = {one.name: one.line for one in drawn.warehouses if one.place[1] == -7}
    assert lines == {"Market Square": 0, "Harbour": -1}


def test_where_there_is_no_room_for_all_names_each_still_has_one() -> None:
    drawn = draw([trip(number, warehouse=(number, 0), warehouse_name=f"House {number}") for number in range(1, 9)])
    assert drawn is not None
    assert [one.name for one in drawn.warehouses] == [f"House {number}" for number in range(1, 9)]
