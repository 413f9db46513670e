"""What somebody looks for, read from the address of a page. Pure.

Rules: any text is a valid question; words are cut to a sane number and length; the characters that LIKE treats
specially are matched as themselves; a price that makes no sense is kept as it was typed, and told beside its field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from db.shop.catalogue import fold
from storefront.fields import NotAPrice, read_price

MAX_QUESTION = 100
MAX_WORDS = 8
MAX_PAGE = 10_000
MAX_TYPED = 20
# How long a word must be for what is like it to mean anything.
LEAST_LETTERS = 3
ESCAPE = "\\"


class Sort(StrEnum):
    """The order of results."""

    BEST = "best"
    SELLING = "selling"
    RATING = "rating"
    NEWEST = "newest"
    CHEAPEST = "price"
    DEAREST = "price-down"
    TITLE = "name"


SORT_WORDS = {
    Sort.BEST: "Best match",
    Sort.SELLING: "Best selling",
    Sort.RATING: "Best rated",
    Sort.NEWEST: "Newest first",
    Sort.CHEAPEST: "Price, low to high",
    Sort.DEAREST: "Price, high to low",
    Sort.TITLE: "Name",
}


@dataclass(frozen=True, slots=True)
class PriceTyped:
    """One end of a range of prices: what was typed, and what it means, or what is wrong with it."""

    typed: str = ""
    cents: int | None = None
    problem: str = ""


NO_PRICE = PriceTyped()


@dataclass(frozen=True, slots=True)
class Search:
    """A question to the catalogue; page counts from 1."""

    question: str = ""
    category: str = ""
    seller_id: int | None = None
    low: PriceTyped = NO_PRICE
    high: PriceTyped = NO_PRICE
    in_stock: bool = False
    sort: Sort = Sort.NEWEST
    page: int = 1

    @property
    def words(self) -> list[str]:
        """What must all be found, folded; each may be a part of a word."""
        return fold(self.question).split()[:MAX_WORDS]

    @property
    def patterns(self) -> list[str]:
        """One LIKE pattern per word."""
        return [f"%{_escaped(word)}%" for word in self.words]

    @property
    def in_the_singular(self) -> "Search":
        """The same without the s at the end of words that are long enough to have it of a plural."""
        words = (word[:-1] if word.endswith("s") and len(word) > LEAST_LETTERS else word for word in self.words)
        return replace(self, question=" ".join(words))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but words was asked for."""
        prices = self.low.cents is not None or self.high.cents is not None
        return bool(self.category or self.seller_id or self.in_stock or prices)

    def arguments(self, **changes: object) -> dict[str, Any]:
        """The arguments of the address that asks this, with changes; defaults are left out."""
        asked: dict[str, object] = {
            "q": self.question,
            "category": self.category,
            "seller": self.seller_id or "",
            "low": self.low.typed,
            "high": self.high.typed,
            "stock": "1" if self.in_stock else "",
            "sort": self.sort,
            "page": self.page,
        }
        asked.update(changes)
        usual = {"sort": usual_sort(str(asked["q"])), "page": 1}
        return {key: str(value) for key, value in asked.items() if value != usual.get(key, "")}


def usual_sort(question: str) -> Sort:
    """The order of results when none was asked for."""
    return Sort.BEST if question else Sort.NEWEST


def read_search(arguments: Mapping[str, str]) -> Search:
    """The question in an address; whatever makes no sense is as if it were not there, but for a shelf or a price."""
    question = read_question(arguments.get("q", ""))
    sort = arguments.get("sort", "")
    low, high = _price(arguments.get("low", "")), _price(arguments.get("high", ""))
    if low.cents is not None and high.cents is not None and low.cents > high.cents:
        high = PriceTyped(high.typed, problem="This is less than “From”: no price is between them. Write more.")
    return Search(
        question=question,
        category=arguments.get("category", "").replace("\0", "")[:40],
        seller_id=_number(arguments.get("seller", ""), 2**31 - 1) or None,
        low=low,
        high=high,
        in_stock=arguments.get("stock", "") == "1",
        sort=Sort(sort) if sort in list(Sort) and (question or sort != Sort.BEST) else usual_sort(question),
        page=max(_number(arguments.get("page", ""), MAX_PAGE), 1),
    )


def read_question(typed: str) -> str:
    """What was typed, without what cannot be seen, and not too long."""
    visible = "".join(letter if letter.isprintable() else " " for letter in typed)
    return " ".join(visible.split())[:MAX_QUESTION]


def without_sign(question: str) -> str:
    """The same for orders: their numbers are known without the sign that people write before them."""
    return question.removeprefix("#")


def _number(text: str, high: int) -> int:
    return min(int(text), high) if text.isascii() and text.isdecimal() and len(text) < 11 else 0


def _price(text: str) -> PriceTyped:
    typed = read_question(text)[:MAX_TYPED]
    if not typed:
        return NO_PRICE
    try:
        return PriceTyped(typed, read_price(typed))
    except NotAPrice as problem:
        return PriceTyped(typed, problem=str(problem))


def _escaped(word: str) -> str:
    for special in (ESCAPE, "%", "_"):
        word = word.replace(special, ESCAPE + special)
    return word
