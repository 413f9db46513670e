"""What a transaction changed, for those who are to be told once it is committed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order that moved, and its version after that."""

    order_id: int
    user_id: int
    version: int


@dataclass(slots=True)
class Changes:
    """Collected inside a transaction, announced after the commit, dropped with a rollback."""

    orders: list[OrderChange] = field(default_factory=list)
    # Links that have something new to send.
    links: set[str] = field(default_factory=set)
    # Whether units arrived that somebody may be waiting for.
    stock_arrived: bool = False
    # What UPS said of accounts: name -> whether it knows it.
    accounts: dict[str, bool] = field(default_factory=dict)
    # Commands that were acknowledged: their link, and the seconds since they were written.
    acked: list[tuple[str, float]] = field(default_factory=list)

    def merge(self, other: "Changes") -> None:
        """Adds what `other` collected."""
        self.orders.extend(other.orders)
        self.links |= other.links
        self.stock_arrived |= other.stock_arrived
        self.accounts |= other.accounts
        self.acked.extend(other.acked)
