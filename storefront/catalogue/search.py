"""What somebody looks for, read from the address of a page. Pure.

Rules: any text is a valid question; words are cut to a sane number and length; the characters that LIKE treats
specially are matched as themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from db.shop.catalogue import fold

MAX_QUESTION = 100
MAX_WORDS = 8
MAX_PAGE = 10_000
ESCAPE = "\\"


class Sort(StrEnum):
    """The order of results."""

    BEST = "best"
    NEWEST = "newest"
    CHEAPEST = "price"
    DEAREST = "price-down"
    TITLE = "name"


SORT_WORDS = {
    Sort.BEST: "Best match",
    Sort.NEWEST: "Newest first",
    Sort.CHEAPEST: "Price, low to high",
    Sort.DEAREST: "Price, high to low",
    Sort.TITLE: "Name",
}


@dataclass(frozen=True, slots=True)
class Search:
    """A question to the catalogue; page counts from 1."""

    question: str = ""
    category: str = ""
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

    def arguments(self, **changes: object) -> dict[str, Any]:
        """The arguments of the address that asks this, with changes; defaults are left out."""
        asked: dict[str, object] = {"q": self.question, "category": self.category, "sort": self.sort, "page": self.page}
        asked.update(changes)
        usual = {"q": "", "category": "", "sort": usual_sort(str(asked["q"])), "page": 1}
        return {key: str(value) for key, value in asked.items() if value != usual[key]}


def usual_sort(question: str) -> Sort:
    """The order of results when none was asked for."""
    return Sort.BEST if question else Sort.NEWEST


def read_search(arguments: Mapping[str, str]) -> Search:
    """The question in an address; whatever makes no sense is as if it were not there, but for a shelf."""
    question = "".join(letter if letter.isprintable() else " " for letter in arguments.get("q", ""))
    sort = arguments.get("sort", "")
    page = arguments.get("page", "")
    question = " ".join(question.split())[:MAX_QUESTION]
    return Search(
        question=question,
        category=arguments.get("category", "").replace("\0", "")[:40],
        sort=Sort(sort) if sort in list(Sort) else usual_sort(question),
        page=min(max(int(page), 1), MAX_PAGE) if page.isascii() and page.isdecimal() and len(page) < 9 else 1,
    )


def _escaped(word: str) -> str:
    for special in (ESCAPE, "%", "_"):
        word = word.replace(special, ESCAPE + special)
    return word
