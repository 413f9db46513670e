"""Checks of what callers send: every field within its range, each violation named."""

import re
from dataclasses import dataclass, field

from mesh.errors import FieldViolation, InvalidArgument

INT32 = range(-(2**31), 2**31)
MAX_ID = 2**63 - 1
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(slots=True)
class Checks:
    """Collects violations; `done` raises InvalidArgument if there are any."""

    violations: list[FieldViolation] = field(default_factory=list)

    def that(self, holds: bool, name: str, description: str) -> None:
        """Notes a violation of field `name` unless the condition holds."""
        if not holds:
            self.violations.append(FieldViolation(name, description))

    def request_id(self, value: str) -> None:
        """A request id as the contract wants it."""
        self.that(REQUEST_ID.fullmatch(value) is not None, "request_id", "must be 8 to 64 of [A-Za-z0-9_-]")

    def done(self) -> None:
        """Raises InvalidArgument with all violations."""
        if self.violations:
            raise InvalidArgument(self.violations)


def page_size(value: int, default: int, most: int) -> int:
    """The page size to use. Raises InvalidArgument for a negative one."""
    checks = Checks()
    checks.that(value >= 0, "page_size", "must not be negative")
    checks.done()
    return min(value or default, most)


def page_token(value: str) -> int | None:
    """The id that a page token holds; None: the first page. Raises InvalidArgument."""
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 19 and int(value) <= MAX_ID):
        raise InvalidArgument([FieldViolation("page_token", "is not one of ours")])
    return int(value)
