"""A member of staff, who looks now and then at the parcels that need a person, and does something about most of them.

Rules: as the page for staff does it, by the RPCs that it uses and with a request id for each thing that is done; the
last look is after the healing, and a run waits for it if there is something to look at.
"""

from typing import Any

from mesh.errors import RpcFailure
from proof.simulation.database import BEGINNING
from proof.simulation.environment import Environment
from proof.simulation.faults import INTERVENTIONS
from proof.simulation.orders import ADDRESS
from proof.simulation.wishes import DEADLINE_SECONDS, People, Wish
from shop.operations.v1 import operations_pb2 as pb

STAFF = 5
AFTER_HEALING = 120.0
# How much likelier it is that something is tried again than that it is given up.
_CHOICES = {pb.REMEDY_RETRY: 3, pb.REMEDY_REDRIVE: 2, pb.REMEDY_CANCEL: 2}
_REQUESTS: dict[str, Any] = {
    "RetryShipment": pb.RetryShipmentRequest,
    "RedriveShipment": pb.RedriveShipmentRequest,
    "CancelShipment": pb.CancelShipmentRequest,
}
METHODS = dict(zip(_CHOICES, INTERVENTIONS, strict=True))
assert _REQUESTS.keys() == set(INTERVENTIONS)


class Staff(People):
    """One of them."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env, "staff", is_staff=True)
        self._last_look = BEGINNING + env.profile.span + AFTER_HEALING

    @property
    def done(self) -> bool:
        """Whether everything was done that was begun, and nothing is left to be looked at."""
        env = self.env
        return all(wish.done for wish in self.wishes) and (
            env.scheduler.time > self._last_look + DEADLINE_SECONDS or not env.db.needs_attention()
        )

    def start(self) -> None:
        """Begins to look."""
        self.process.begin()
        self._rest()

    def _rest(self) -> None:
        env = self.env
        at = env.scheduler.time + self.rng.uniform(0.5, 1.5) * env.setup.theme.looks
        if env.scheduler.time < self._last_look:
            env.scheduler.at(min(at, self._last_look), self.process, self._look)

    def _look(self) -> None:
        request = pb.ListAttentionRequest(page_size=100)
        who = self.caller(STAFF)
        self.env.calls.call(self.process, who, ADDRESS, "ListAttention", request, DEADLINE_SECONDS, self._seen)
        self._rest()

    def _seen(self, answer: Any) -> None:
        if isinstance(answer, RpcFailure):
            return
        for parcel in answer.parcels:
            if self.rng.random() < 0.7:
                self._act(parcel)

    def _act(self, parcel: pb.AttentionNeeded) -> None:
        rng, env = self.rng, self.env
        # Now and then what the page does not offer.
        offered = list(parcel.remedies) if parcel.remedies and rng.random() < 0.9 else list(_CHOICES)
        (remedy,) = rng.choices(offered, [_CHOICES[one] for one in offered])
        method = METHODS[remedy]
        request = _REQUESTS[method](
            request_id=f"staff-{env.seed}-{len(self.wishes)}", shipment_id=parcel.shipment_id, note="seen to"
        )
        wish = Wish(STAFF, method, request, env.scheduler.time)
        self.wishes.append(wish)
        self.ask(wish)
        if rng.random() < 0.3:
            late = rng.choice((0.001, 1.0, 30.0))
            env.scheduler.after(late, self.process, lambda: self.ask(wish, once=True))

    def answered(self, wish: Wish, answer: Any, _once: bool) -> None:
        """See People."""
        wish.answers.append(getattr(answer, "new_shipment_id", 0))
