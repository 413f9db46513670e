"""What ends a run: a guarantee that does not hold (docs/guarantees.md)."""

from typing import NoReturn


class Violated(Exception):
    """A guarantee does not hold."""

    def __init__(self, guarantee: str, words: str) -> None:
        super().__init__(f"{guarantee}: {words}")
        self.guarantee = guarantee
        self.words = words


def fail(guarantee: str, words: str) -> NoReturn:
    """Says that a guarantee does not hold, and how that shows."""
    raise Violated(guarantee, words)


def bug(where: str, error: Exception) -> NoReturn:
    """Something raised what nobody expected."""
    if isinstance(error, Violated):
        raise error
    raise Violated("G8", f"{where} raised {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
