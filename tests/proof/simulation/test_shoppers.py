"""What the simulated shoppers and the seller set out to do."""

from proof.simulation.faults import PROFILES
from proof.simulation.room import Room, database
from proof.simulation.setups import setup_of
from proof.simulation.shoppers import MOST_PURCHASES

HARSH = PROFILES["harsh"]


def test_a_reorder_point_is_reached_in_a_few_purchases() -> None:
    purchases = []
    for seed in range(120):
        run = Room(database(), seed, HARSH, (), setup_of(seed, HARSH, (), None))
        for wish in run.shoppers.wishes:
            if wish.method == "SetReorderPoint" and wish.request.level:
                purchases.append(-(-wish.request.level // wish.request.quantity))
    assert max(purchases) <= 2 * MOST_PURCHASES
    assert len([count for count in purchases if count > 1]) > 5
