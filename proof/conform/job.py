"""What the kit knows of one package, and of a truck that was announced."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Job:
    """One package. `load`, `go`: whether the kit does these steps by itself."""

    ship: int
    warehouse: int
    to: tuple[int, int]
    number: int
    load: bool = True
    go: bool = True
    loading: bool = False
    # Where it begins anew there is another job.
    world: int = 0
    # The numbers of AUDeliverRequests, and how many UALoadRequests there were at the last of them.
    went: list[int] = field(default_factory=list)
    offers: int = 0
    # The number of the AURedirect that `to` comes from.
    changed_by: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A UALoadRequest that came for the first time: what the world had the truck doing just then."""

    number: int
    ship: int
    truck: int
    status: str
    connection: int
    # Whether the word to go had been said: then it may have left while this was on its way.
    gone: bool
