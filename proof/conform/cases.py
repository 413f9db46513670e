"""What a case is, and how one is chosen: an id that begins with the rule of the document, a level, a title, a play.

Rules: the same for whichever side is checked; the id is the rule's and a letter; cases are played in the order they
were declared in, checks of the whole run last.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_ID = re.compile(r"(\d+(?:\.\d+)+)([a-z])")

Play = Callable[[Any], Awaitable[None]]


class Level(StrEnum):
    """How much the document insists."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class CaseFailed(Exception):
    """The partner did not do what the case expects; both in plain words."""

    def __init__(self, expected: str, came: str) -> None:
        self.expected = expected
        self.came = came
        super().__init__(f"expected {expected}; {came}")


class NobodyThereError(CaseFailed):
    """There is no partner to play with."""


class NotApplicable(Exception):
    """The case says nothing about this partner, or about this way of running it; `reason` in plain words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `play` raises CaseFailed or NotApplicable. `whole_run`: it looks back, so it is played last."""

    id: str
    level: Level
    title: str
    play: Play
    whole_run: bool = False

    @property
    def section(self) -> str:
        """The rule of the document."""
        match = _ID.fullmatch(self.id)
        assert match is not None
        return match[1]


class Catalogue:
    """The cases of one file, in order."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def must(self, id: str, title: str, *, whole_run: bool = False) -> Callable[[Play], Play]:
        """Declares a case that checks a MUST."""
        return self._declare(id, Level.MUST, title, whole_run)

    def should(self, id: str, title: str, *, whole_run: bool = False) -> Callable[[Play], Play]:
        """Declares a case that checks a SHOULD."""
        return self._declare(id, Level.SHOULD, title, whole_run)

    def _declare(self, id: str, level: Level, title: str, whole_run: bool) -> Callable[[Play], Play]:
        assert _ID.fullmatch(id), id

        def declare(play: Play) -> Play:
            self.cases.append(Case(id, level, title, play, whole_run))
            return play

        return declare


def chosen(cases: Iterable[Case], only: Sequence[str]) -> list[Case]:
    """The cases that `only` names, by id, rule or section; all if none is named. Raises ValueError."""
    cases = list(cases)
    for name in only:
        if not any(_is_named(case, name) for case in cases):
            raise ValueError(f"no case and no section is called {name}")
    return [case for case in cases if not only or any(_is_named(case, name) for name in only)]


def _is_named(case: Case, name: str) -> bool:
    return case.id == name or f"{case.section}.".startswith(f"{name}.")
