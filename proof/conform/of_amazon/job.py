"""What the kit knows of one package that Amazon asked a truck for."""

from dataclasses import dataclass, field

from partners.ups import ups_pb2 as ups


@dataclass(slots=True, eq=False)
class Job:
    """One package that Amazon asked a truck for. `bring`, `load`, `drive`, `tell`: what the kit does by itself."""

    ship: int
    request: ups.AUPickupRequest
    # Whether a case has it; until then nothing is done for it.
    taken: bool = False
    bring: bool = True
    load: bool = True
    drive: bool = True
    tell: bool = True
    # Numbers of AUPickupRequests and AUDeliverRequests, each once.
    asked: list[int] = field(default_factory=list)
    went: list[int] = field(default_factory=list)
    # Numbers of our own elements.
    loads: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    truck: int | None = None
    driving: bool = False
    # The address that was promised since, and whether it was promised to do nothing more.
    moved: tuple[int, int] | None = None
    given_up: bool = False

    @property
    def warehouse(self) -> int:
        """Where it is packed."""
        return self.request.warehouseId

    @property
    def to(self) -> tuple[int, int]:
        """Where it goes."""
        return self.moved or (self.request.destinationX, self.request.destinationY)
