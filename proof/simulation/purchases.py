"""What is bought by itself, at every commit (G4): when too little is left and nothing is on its way, and never else.

Rules: from the rows up: what is left of an offer is what is there and promised to nobody, over all warehouses of the
world in use; whatever a commit buys that nobody asked for is what the offer's point says, once, after which exactly so
much is on its way. What was bought for a buy that failed is the same purchase.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from proof.simulation.book import DatabaseBook
from proof.simulation.checks import MOVES
from proof.simulation.database import BACKORDER
from proof.simulation.violations import fail
from proof.simulation.wishes import Wish
from shop.bridge.v1 import bridge_pb2

# In whose commits nothing is bought but by itself; the others buy for a seller, for whom waits, or for another world.
_BUYS_NOTHING = (
    "CancelOrder",
    "ChangeAddress",
    "CancelShipment",
    "RetryShipment",
    "SetReorderPoint",
    "serve-waiting",
    "ask-overdue",
    "Report",
    "fail-commands",
)
# Offers that have a point, in the world in use: what is left and what is on its way.
_POINTS = """
select p.offer_id, p.warehouse_id, p.level, p.quantity,
    coalesce(sum(s.available - s.awaited), 0), coalesce(sum(s.ordered), 0)
from reorder_points p left join stock s on s.offer_id = p.offer_id and s.world_epoch =
    (select world_epoch from worlds where state in ('awaited', 'open'))
group by 1, 2, 3, 4
"""


class Purchases:
    """The checker of one run."""

    def __init__(self, db: DatabaseBook, wishes: Iterable[Wish]) -> None:
        self._db = db
        self._has_points = any(wish.method == "SetReorderPoint" for wish in wishes)
        self._last = 0
        self._failed: set[int] = set()

    def committed(self, label: str) -> None:
        """After each commit of the orders service."""
        if label == "install":
            # What was bought before is not looked at.
            self._bought()
        elif label in MOVES and self._has_points:
            self._look(label)

    def _look(self, label: str) -> None:
        points: dict[int, Any] = {row[0]: row[1:] for row in self._db.rows(_POINTS)}
        for offer_id, (_, level, _, left, coming) in points.items():
            if left < level and not coming:
                fail("G4", f"after {label} {left} of offer {offer_id} are left, and none are bought below {level}")
        bought = self._bought()
        if label == "PlaceOrder":
            bought = Counter({key: count for key, count in bought.items() if key[0] != BACKORDER})
        elif label not in _BUYS_NOTHING:
            return
        for offer_id, warehouse_id, quantity in bought:
            place, _, asked, _, coming = points.get(offer_id, (0,) * 5)
            if (warehouse_id, quantity) != (place, asked) or coming != asked:
                said = f"{asked} at {place} are to be bought, {coming} are on their way"
                fail("G4", f"{label} bought {quantity} of offer {offer_id} at warehouse {warehouse_id}: {said}")

    def _bought(self) -> Counter[tuple[int, int, int]]:
        """(offer, warehouse, units) of what was bought since the last commit, less what failed since."""
        bought: Counter[tuple[int, int, int]] = Counter()
        sql = "select id, command from outbox where kind = 'buy' and id > ? order by id"
        for command_id, command in self._db.rows(sql, self._last):
            self._last = command_id
            bought.update(_things(command))
        sql = "select id, command from outbox where kind = 'buy' and outcome = 'failed'"
        for command_id, command in self._db.rows(sql):
            if command_id not in self._failed:
                self._failed.add(command_id)
                bought.subtract(_things(command))
        return +bought


def _things(command: bytes) -> list[tuple[int, int, int]]:
    buy = bridge_pb2.Command.FromString(command).buy
    return [(thing.offer_id, buy.warehouse_id, thing.count) for thing in buy.things]
