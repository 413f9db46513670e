"""A UPS whose world was restarted under it: what was under way there is over, and the new one is served."""

from random import Random

from sim.world.model import Rules, WorldModel
from tests.sim.virtual_ups import Delivery


def test_a_pickup_asked_for_between_two_worlds_does_not_haunt_the_new_one() -> None:
    delivery = Delivery()
    delivery.all_the_way(1)
    delivery.room.replace_world(WorldModel(Rules(default_simspeed=10_000), Random(2)))
    delivery.until(lambda: delivery.ups.world_id is None)
    # The old world is given up, and the new one, not entered yet, has no such warehouse.
    delivery.ask_pickup(2, warehouse=2)
    delivery.until(lambda: len(delivery.shop.starts) == 2)
    delivery.wait(4)
    delivery.open_goods()
    delivery.all_the_way(3)
