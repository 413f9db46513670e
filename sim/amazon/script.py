"""The script of a mock Amazon: what is ordered, asked and broken, and when. One step a line.

    # seconds from the moment that the world is there, then what happens
    0    order to 5,9
    0.5  order to 7,7 from 2 items "2 x Green tea" account zoe
    3    redirect 1 to 8,8
    4    cancel 2
    5    account zoe
    6    cut
    7    reset
    8    restart 3

`from` is a warehouse's number; orders count from 1 in the order of the file, and redirect and cancel name them so.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

WAREHOUSES = {1: (10, 10), 2: (60, 40), 3: (5, 80)}
ITEMS = "1 x a thing"
MAX_ITEMS = 200
MAX_ACCOUNT = 64
_INT32 = range(-(2**31), 2**31)
_DOWN_SECONDS = 2.0


class ScriptError(Exception):
    """A line that says nothing we know; `line` counts from 1."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(f"line {line}: {why}")


@dataclass(frozen=True, slots=True)
class Order:
    """One package from a warehouse to an address; `number` counts from 1 in the order of the file."""

    at: float
    number: int
    to: tuple[int, int]
    warehouse: int = 1
    items: str = ITEMS
    account: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another address for an order."""

    at: float
    order: int
    to: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cancel:
    """An order that is given up."""

    at: float
    order: int


@dataclass(frozen=True, slots=True)
class Account:
    """The question whether a UPS account exists."""

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends inside a frame."""

    at: float


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends with a TCP reset."""

    at: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Amazon is away for some seconds, and comes back with all that it knew."""

    at: float
    seconds: float = _DOWN_SECONDS


Step = Order | Redirect | Cancel | Account | Cut | Reset | Restart


def parse(text: str) -> list[Step]:
    """A script's steps, by their time. Raises ScriptError."""
    steps: list[Step] = []
    named: list[tuple[int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise ScriptError(number, str(error).lower()) from error
        if words:
            step = _Line(number, words).step(len(orders_of(steps)) + 1)
            steps.append(step)
            if isinstance(step, Redirect | Cancel):
                named.append((number, step.order))
    count = len(orders_of(steps))
    for number, order in named:
        if order > count:
            raise ScriptError(number, f"there is no order {order}: the script has {count}")
    return sorted(steps, key=lambda step: step.at)


def parse_now(text: str, next_order: int) -> Step:
    """One step without its time, at once; orders go on from this number. Raises ScriptError."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise ScriptError(1, str(error).lower()) from error
    return _Line(1, ["0", *words]).step(next_order)


def spread(count: int, every: float, rng: Random) -> list[Step]:
    """That many orders, one every so many seconds, from any warehouse to anywhere within 0..100."""
    warehouses = sorted(WAREHOUSES)
    return [
        Order(number * every, number + 1, (rng.randint(0, 100), rng.randint(0, 100)), rng.choice(warehouses))
        for number in range(count)
    ]


def orders_of(steps: Iterable[Step]) -> Sequence[Order]:
    """The orders among the steps, in the order of their numbers."""
    return [step for step in steps if isinstance(step, Order)]


class _Line:
    """The words of one line, taken one after the other."""

    def __init__(self, number: int, words: list[str]) -> None:
        self._number = number
        self._words = words

    def step(self, next_order: int) -> Step:
        """What the line says; `next_order` is the number of an order."""
        at = self._seconds("the time in seconds")
        verb = self._word("what happens: order, redirect, cancel, account, cut, reset or restart")
        made: Step
        if verb == "order":
            made = self._order(at, next_order)
        elif verb == "redirect":
            order = self._order_number()
            self._expect("to")
            made = Redirect(at, order, self._place())
        elif verb == "cancel":
            made = Cancel(at, self._order_number())
        elif verb == "account":
            made = Account(at, self._text("the name of an account", MAX_ACCOUNT))
        elif verb == "cut":
            made = Cut(at)
        elif verb == "reset":
            made = Reset(at)
        elif verb == "restart":
            made = Restart(at, self._seconds("how many seconds") if self._words else _DOWN_SECONDS)
        else:
            raise ScriptError(self._number, f"nothing is called {verb}")
        if self._words:
            raise ScriptError(self._number, f"{self._words[0]!r} is too much")
        return made

    def _order(self, at: float, number: int) -> Order:
        self._expect("to")
        to, warehouse, items, account = self._place(), 1, ITEMS, ""
        while self._words:
            what = self._word("")
            if what == "from":
                warehouse = self._integer("a warehouse")
                if warehouse not in WAREHOUSES:
                    known = ", ".join(map(str, WAREHOUSES))
                    raise ScriptError(self._number, f"there is no warehouse {warehouse}, only {known}")
            elif what == "items":
                items = self._text("what is in it", MAX_ITEMS)
            elif what == "account":
                account = self._text("the name of an account", MAX_ACCOUNT)
            else:
                raise ScriptError(self._number, f"an order has to, from, items and account, and no {what!r}")
        return Order(at, number, to, warehouse, items, account)

    def _word(self, expected: str) -> str:
        if not self._words:
            raise ScriptError(self._number, f"it ends before {expected}")
        return self._words.pop(0)

    def _expect(self, word: str) -> None:
        found = self._word(repr(word))
        if found != word:
            raise ScriptError(self._number, f"{found!r} in place of {word!r}")

    def _text(self, what: str, longest: int) -> str:
        text = self._word(what)
        if not 0 < len(text) <= longest:
            raise ScriptError(self._number, f"{what} has 1 to {longest} characters")
        return text

    def _seconds(self, what: str) -> float:
        word = self._word(what)
        try:
            seconds = float(word)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < 1e9:
            raise ScriptError(self._number, f"{word!r} is not {what}")
        return seconds

    def _integer(self, what: str) -> int:
        word = self._word(what)
        try:
            number = int(word)
        except ValueError:
            raise ScriptError(self._number, f"{word!r} is not {what}") from None
        if number not in _INT32:
            raise ScriptError(self._number, f"{word!r} is beyond 32 bits")
        return number

    def _order_number(self) -> int:
        number = self._integer("an order's number")
        if number < 1:
            raise ScriptError(self._number, "orders count from 1")
        return number

    def _place(self) -> tuple[int, int]:
        x, comma, y = self._word("X,Y").partition(",")
        if not comma:
            raise ScriptError(self._number, f"{x!r} is not X,Y")
        rest, self._words = self._words, [x, y]
        place = self._integer("X,Y"), self._integer("X,Y")
        self._words = rest
        return place
