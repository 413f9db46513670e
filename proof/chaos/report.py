"""What a performance of chaos is reported as: plain data for machines, a page of text for people. Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proof.chaos.ledger import Ledger, Outcome
from proof.figures import percentile

SHOWN_FINDINGS = 40
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass(slots=True)
class Report:
    """Everything that is told of one performance; times in seconds."""

    seed: int
    database: str
    minutes: float
    repeat: str
    """The command that plays it again."""
    done: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    counts: Mapping[str, int] = field(default_factory=dict)
    delivery_seconds: Sequence[float] = ()
    settle_seconds: float = 0.0
    found: Sequence[str] = ()
    """What the checks found wrong."""

    @property
    def findings(self) -> list[str]:
        """That, and why the performance proves nothing, if it does not."""
        vain = []
        if not self._kills():
            vain.append("nothing was killed: nothing is proven, play longer")
        if not self._acknowledgements():
            vain.append("no order was acknowledged: nothing is proven, play longer")
        return [*self.found, *vain]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong, and something could have been."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Plain data with stable keys."""
        kills = self._kills()
        return {
            "holds": self.holds,
            "seed": self.seed,
            "database": self.database,
            "minutes": self.minutes,
            "repeat": self.repeat,
            "kills": sum(kills.values()),
            "kills_per_process": dict(sorted(kills.items())),
            "other_acts": {what: n for what, n in sorted(self.done.items()) if not what.startswith("kill ")},
            "faults": dict(sorted(self.faults.items())),
            "orders": {**self.orders(), **dict(sorted(self.counts.items()))},
            "answers": dict(sorted(self.ledger.answers.items())),
            "seconds_to_acknowledgement": shares(self._acknowledgements()),
            "seconds_to_delivery": shares(self.delivery_seconds),
            "seconds_to_rest": round(self.settle_seconds, 1),
            "findings": self.findings,
        }

    def orders(self) -> dict[str, int]:
        """What was asked for and answered."""
        grpc = Counter(promise.outcome for promise in self.ledger.promises)
        http = Counter(purchase.outcome for purchase in self.ledger.purchases)
        return {
            "acknowledged over gRPC": grpc[Outcome.ACCEPTED],
            "refused over gRPC": grpc[Outcome.REFUSED],
            "acknowledged over HTTP": http[Outcome.ACCEPTED],
            "refused over HTTP": http[Outcome.REFUSED],
            "unanswered": self.ledger.open,
            "restocks": len(self.ledger.restockings),
        }

    def _kills(self) -> dict[str, int]:
        return {what.removeprefix("kill "): n for what, n in self.done.items() if what.startswith("kill ") and n}

    def _acknowledgements(self) -> list[float]:
        promised = [one.seconds for one in self.ledger.promises if one.outcome is Outcome.ACCEPTED]
        return promised + [one.seconds for one in self.ledger.purchases if one.outcome is Outcome.ACCEPTED]

    def as_text(self) -> str:
        """A page for people."""
        data = self.as_json()
        lines = [
            f"chaos for {self.minutes:g} min on {self.database}, seed {self.seed}: {data['kills']} kills",
            "",
            *_block("kills", data["kills_per_process"]),
            *_block("stopped and rivalled", data["other_acts"]),
            *_block("faults on the links", {what: n for what, n in data["faults"].items() if n}),
            *_block("orders", data["orders"]),
            *_block("seconds to acknowledgement", data["seconds_to_acknowledgement"]),
            *_block("seconds to delivery", data["seconds_to_delivery"]),
            f"came to rest {self.settle_seconds:.1f} s after the last fault",
            "",
        ]
        if self.holds:
            lines.append("nothing lost, nothing doubled, nothing stuck: every check holds")
        else:
            lines += [f"{len(self.findings)} FINDINGS"]
            lines += [f"  {finding}" for finding in self.findings[:SHOWN_FINDINGS]]
            if len(self.findings) > SHOWN_FINDINGS:
                lines.append(f"  ... and {len(self.findings) - SHOWN_FINDINGS} more")
            lines += ["", f"again: {self.repeat}"]
        return "\n".join(lines)

    def as_lines_of_json(self) -> str:
        """`as_json` as text."""
        return json.dumps(self.as_json(), indent=2) + "\n"


def shares(seconds: Sequence[float]) -> dict[str, float]:
    """How long it took for half of them, and so on; nothing for none."""
    return {name: round(percentile(seconds, share), 3) for name, share in _SHARES.items() if seconds}


def _block(title: str, rows: Mapping[str, object]) -> list[str]:
    width = max((len(name) for name in rows), default=0)
    return [title, *(f"  {name:<{width}}  {value}" for name, value in rows.items()), ""] if rows else []
