"""The trace of a run: who told whom what, and what happened; as text, and as a sequence diagram.

Rules: off by default, since a run that goes well needs none; the same seed and plan give the same lines. Times are
seconds since the beginning, message contents are short words.
"""

from dataclasses import dataclass

PARTIES = ("shoppers", "staff", "orders_svc", "world_bridge", "ups_bridge", "world", "ups")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: a message (`to` set) or a note about `who`."""

    at: float
    who: str
    to: str
    words: str


class Trace:
    """Collects lines while `on`."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self.lines: list[Line] = []

    def message(self, at: float, who: str, to: str, words: str) -> None:
        """Somebody told somebody something."""
        self.lines.append(Line(at, who, to, words))

    def note(self, at: float, who: str, words: str) -> None:
        """Something happened to somebody."""
        self.lines.append(Line(at, who, "", words))

    def text(self) -> str:
        """One line each."""
        return "".join(
            f"{line.at:10.3f}  {line.who + (' -> ' + line.to if line.to else ''):32} {line.words}\n"
            for line in self.lines
        )

    def mermaid(self, last: int | None = None) -> str:
        """A sequence diagram of the last so many lines (None: all)."""
        lines = self.lines if last is None else self.lines[-last:]
        seen = {name for line in lines for name in (line.who, line.to) if name}
        parties = [*(name for name in PARTIES if name in seen), *sorted(seen.difference(PARTIES))]
        out = ["sequenceDiagram"]
        out += [f"    participant {_id(name)} as {name}" for name in parties]
        for line in lines:
            words = f"{line.at:.3f} {line.words}".replace(";", ",").replace("#", "")
            if line.to:
                out.append(f"    {_id(line.who)}->>{_id(line.to)}: {words}")
            else:
                out.append(f"    Note over {_id(line.who)}: {words}")
        return "\n".join(out) + "\n"


def _id(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
