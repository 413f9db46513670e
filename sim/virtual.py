"""A world, a UPS and a shop in one room: every message arrives at once, time jumps to the next thing to do.

Rules: one thread, no sockets, no clock; the same models and seeds give the same messages. Faults on the way (loss,
delay, cut) are deliberately elsewhere: this room is for how fast things can go and for the models' own tests.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from sim.links import Dial, HangUp, Link, LinkedModel, Output, Send, SendRaw
from sim.reference import ReferenceShop, spread_orders
from sim.ups.model import Settings, UpsModel
from sim.world.model import Close, Rules, Side, WorldModel
from sim.world.model import Send as WorldSend


class VirtualRoom:
    """Connects one world with a UPS and a shop (any `LinkedModel` that dials `Link.WORLD` and hears `Link.UPS`).

    `moves` counts the things that happened; `reachable` says which links can be dialled.
    """

    def __init__(self, world: WorldModel, ups: UpsModel, shop: LinkedModel, start: float = 0.0) -> None:
        self.world = world
        self.ups = ups
        self.shop = shop
        self.now = start
        self.moves = 0
        self.reachable = {"shop's world": True, "ups's world": True, "shop": True}
        self.trace: list[tuple[float, str, bytes]] = []
        """Every message: when, from whom to whom, what."""
        self._on_world: dict[int, LinkedModel] = {}
        self._mails: deque[Callable[[], None]] = deque()
        self._ups_and_shop = False

    def start(self) -> None:
        """Let everybody begin."""
        self.shop.start(self.now)
        self.ups.start(self.now)
        self._settle()

    def run(self, until: Callable[[], bool], limit: float) -> bool:
        """Run until `until()` holds (True) or the time `limit` is reached (False)."""
        while not until():
            timers = [self.world.next_timer(), self.ups.next_timer(), self.shop.next_timer()]
            due = min((timer for timer in timers if timer is not None), default=None)
            if due is None or due > limit:
                self.now = limit
                for model in (self.world, self.ups, self.shop):
                    model.advance(limit)
                self._settle()
                return until()
            self.now = max(self.now, due)
            for model in (self.world, self.ups, self.shop):
                timer = model.next_timer()
                if timer is not None and timer <= self.now:
                    model.advance(self.now)
            self._settle()
        return True

    def cut(self, client: LinkedModel, link: Link) -> None:
        """Break one connection, seen from the side that dialled it."""
        self._hang_up(client, link)
        client.lost(link, self.now)
        self._settle()

    def replace_world(self, world: WorldModel) -> None:
        """Restart the world: everything it knew is gone, and so are its connections."""
        self.world = world
        lost, self._on_world = self._on_world, {}
        for client in lost.values():
            client.lost(Link.WORLD, self.now)
        self._settle()

    def settle(self) -> None:
        """Deliver what was caused from outside, a restart for example."""
        self._settle()

    def _settle(self) -> None:
        while True:
            self._collect()
            if not self._mails:
                return
            self.moves += 1
            self._mails.popleft()()

    def _collect(self) -> None:
        for told in self.world.outputs():
            self._mails.append(partial(self._from_world, told))
        for client in (self.ups, self.shop):
            for wish in client.outputs():
                self._mails.append(partial(self._from_client, client, wish))

    def _name(self, client: LinkedModel) -> str:
        return "ups" if client is self.ups else "shop"

    def _from_world(self, output: WorldSend | Close) -> None:
        client = self._on_world.get(output.connection)
        if client is None:
            return
        if isinstance(output, Close):
            del self._on_world[output.connection]
            client.lost(Link.WORLD, self.now)
        else:
            self.trace.append((self.now, f"world>{self._name(client)}", output.body))
            client.received(Link.WORLD, output.body, self.now)

    def _from_client(self, client: LinkedModel, wish: Output) -> None:
        if isinstance(wish, Dial):
            self._dial(client, wish.link)
        elif isinstance(wish, HangUp):
            self._hang_up(client, wish.link)
        elif wish.link is Link.WORLD:
            number = self._number_of(client)
            if number is not None and isinstance(wish, Send):
                self.trace.append((self.now, f"{self._name(client)}>world", wish.body))
                self.world.receive(number, wish.body, self.now)
        elif self._ups_and_shop:
            self._between_ups_and_shop(client, wish)

    def _between_ups_and_shop(self, client: LinkedModel, wish: Send | SendRaw) -> None:
        other, link = (self.shop, Link.UPS) if client is self.ups else (self.ups, Link.SHOP)
        if isinstance(wish, SendRaw):
            other.bad_bytes(link, self.now)
        else:
            self.trace.append((self.now, f"{self._name(client)}>{self._name(other)}", wish.body))
            other.received(link, wish.body, self.now)

    def _dial(self, client: LinkedModel, link: Link) -> None:
        if link is Link.SHOP:
            if not self.reachable["shop"]:
                client.lost(link, self.now)
                return
            self._ups_and_shop = True
            self.shop.opened(Link.UPS, self.now)
        elif not self.reachable[f"{self._name(client)}'s world"]:
            client.lost(link, self.now)
            return
        else:
            side = Side.UPS if client is self.ups else Side.AMAZON
            self._on_world[self.world.accept(side, self.now)] = client
        client.opened(link, self.now)

    def _hang_up(self, client: LinkedModel, link: Link) -> None:
        if link is Link.WORLD:
            number = self._number_of(client)
            if number is not None:
                del self._on_world[number]
                self.world.peer_closed(number, self.now)
        elif self._ups_and_shop:
            self._ups_and_shop = False
            other, its_link = (self.shop, Link.UPS) if client is self.ups else (self.ups, Link.SHOP)
            other.lost(its_link, self.now)

    def _number_of(self, client: LinkedModel) -> int | None:
        return next((number for number, known in self._on_world.items() if known is client), None)


@dataclass(frozen=True, slots=True)
class Minimum:
    """How fast the stand-ins let a shop be that never thinks."""

    orders: int
    seconds: float
    """From the first command to the last delivery."""
    world_elements_per_order: float
    """buy, topack, load and query elements that the shop sent, repeats included."""
    exactly_once: bool
    """Every order was packed, loaded and delivered once, by the world's own book."""


def minimum(orders: int, rules: Rules, settings: Settings, *, seed: int = 1, warehouses: int = 10) -> Minimum:
    """Fulfil `orders` orders in virtual time with a shop that never thinks.

    Raises `TimeoutError` when that takes more than 1000 ticks.
    """
    rng = Random(seed)
    places = {id_: (rng.randint(0, 100), rng.randint(0, 100)) for id_ in range(1, warehouses + 1)}
    world = WorldModel(rules, Random(seed + 1))
    ups = UpsModel(settings, Random(seed + 2))
    shop = ReferenceShop(spread_orders(orders, places, rng), places, rules.tick, eager=rules.flakiness > 0)
    room = VirtualRoom(world, ups, shop)
    room.start()
    if not room.run(lambda: shop.done_at is not None, 1000 * rules.tick):
        raise TimeoutError(f"{orders} orders took more than 1000 ticks with seed {seed}")
    assert shop.began_at is not None
    assert shop.done_at is not None
    assert ups.world_id is not None
    return Minimum(
        orders=orders,
        seconds=shop.done_at - shop.began_at,
        world_elements_per_order=sum(shop.sent[kind] for kind in ("buy", "topack", "load", "queries")) / orders,
        exactly_once=world.book.delivered_once(ups.world_id) == set(shop.orders),
    )
