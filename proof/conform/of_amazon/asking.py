"""How a shopper comes to ask for something about an order: in a Minimart, by commands, or by a person who is told.

Rules: an order is named by where it goes, and by its ship id as the tracking number; what is asked for reaches UPS or
not, and only that is looked at; a person is told what to do, and the case waits.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from proof.conform.cases import NotApplicable
from proof.conform.of_amazon.orders import InMinimart, run_command

Place = tuple[int, int]


class Ordered(Protocol):
    """An order, as UPS and the shopper know it."""

    ship: int

    @property
    def to(self) -> Place:
        """Where it goes."""


class Asking(Protocol):
    """`by_itself`: it needs nobody. All raise CaseFailed."""

    by_itself: bool

    async def redirect(self, order: Ordered, to: Place) -> None:
        """Asks for another address."""

    async def cancel(self, order: Ordered) -> None:
        """Asks to cancel it."""

    async def check_account(self, name: str) -> None:
        """Names a UPS account, as one does before a checkout."""


class AskingMinimart:
    """Over gRPC, for the orders that were placed so."""

    by_itself = True

    def __init__(self, shop: InMinimart) -> None:
        self._shop = shop

    async def redirect(self, order: Ordered, to: Place) -> None:
        """ChangeAddress."""
        await self._shop.change_address(order.to, to)

    async def cancel(self, order: Ordered) -> None:
        """CancelOrder."""
        await self._shop.cancel(order.to)

    async def check_account(self, name: str) -> None:
        """CheckAccount."""
        await self._shop.check_account(name)


class AskingByCommand:
    """By command lines: `redirect`, `cancel`, `check-account`; what has none cannot be asked."""

    by_itself = True

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = commands

    async def redirect(self, order: Ordered, to: Place) -> None:
        """Runs the command to its end."""
        await self._run("redirect", ship=order.ship, x=order.to[0], y=order.to[1], to_x=to[0], to_y=to[1])

    async def cancel(self, order: Ordered) -> None:
        """Runs the command to its end."""
        await self._run("cancel", ship=order.ship, x=order.to[0], y=order.to[1])

    async def check_account(self, name: str) -> None:
        """Runs the command to its end."""
        await self._run("check-account", account=name)

    async def _run(self, what: str, **values: object) -> None:
        if what not in self._commands:
            raise NotApplicable(f"nobody asks for it: --{what} COMMAND would")
        await run_command(f"--{what}", self._commands[what], values)


class AskingByHand:
    """A person is told."""

    by_itself = False

    def __init__(self, tell: Callable[[str], None], seconds: float) -> None:
        self._tell = tell
        self._seconds = seconds

    async def redirect(self, order: Ordered, to: Place) -> None:
        """Asks for it."""
        self._ask(f"send the order to {order.to}, tracking number {order.ship}, to {to} instead")

    async def cancel(self, order: Ordered) -> None:
        """Asks for it."""
        self._ask(f"cancel the order to {order.to}, tracking number {order.ship}")

    async def check_account(self, name: str) -> None:
        """Asks for it."""
        self._ask(f"check the UPS account {name}, as a shopper who enters it")

    def _ask(self, what: str) -> None:
        self._tell(f"{what} now; waiting {self._seconds:g} s")
