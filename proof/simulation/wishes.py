"""People who want things of the orders service, and ask again with the same request until the answer is definite.

Rules, as the storefront's: a request id belongs to one content for ever; no answer, UNAVAILABLE, ABORTED and the like
mean "ask again"; a refusal is definite: what was refused is not asked again, since it would be decided anew, and who
still has a copy under way then waits for its answer, too. Elsewhere: who wants what (`shoppers`, `staff`).
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from google.protobuf.message import Message

from mesh.errors import RpcFailure
from mesh.identity import Caller
from proof.simulation.calls import UNSURE
from proof.simulation.environment import Environment
from proof.simulation.orders import ADDRESS

DEADLINE_SECONDS = 5.0


@dataclass(slots=True)
class Wish:
    """One request, and what is known of it."""

    user_id: int
    method: str
    request: Any
    at: float
    # Definite answers, in the order in which they came: ids of orders, or of parcels that are sent instead of others.
    answers: list[int] = field(default_factory=list)
    # Of a cancellation or a change of address: shipment -> whether it was done; what is being asked is not in it.
    decisions: dict[int, bool] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    done: bool = False
    tries: int = 0

    @property
    def name(self) -> str:
        """What it is called where it is told of."""
        return getattr(self.request, "request_id", "") or f"{self.method} of user {self.user_id}"


class People:
    """Some of them, as one process that never dies."""

    def __init__(self, env: Environment, name: str, *, is_staff: bool = False) -> None:
        self.env = env
        self.process = env.process(name)
        self.rng = Random(f"{name} {env.seed}")
        self.wishes: list[Wish] = []
        self._is_staff = is_staff

    @property
    def done(self) -> bool:
        """Whether every wish has a definite answer."""
        return all(wish.done for wish in self.wishes)

    def answered(self, wish: Wish, answer: Any, once: bool) -> None:
        """A wish was granted. `once`: by a copy beside those that wait for an answer."""
        raise NotImplementedError

    def refused(self, wish: Wish, once: bool) -> None:
        """A wish was refused, with the last of its refusals."""

    def caller(self, user_id: int) -> Caller:
        """Who asks for a user."""
        return Caller("storefront", user_id, self._is_staff)

    def ask(self, wish: Wish, *, once: bool = False) -> None:
        """Asks for it; `once`: another copy, unless it was refused."""
        if not (once and wish.refusals):
            self._send(wish, once=once)

    def _send(self, wish: Wish, *, once: bool) -> None:
        wish.tries += 1
        self.env.calls.call(
            self.process,
            self.caller(wish.user_id),
            ADDRESS,
            wish.method,
            wish.request,
            DEADLINE_SECONDS,
            lambda answer: self._heard(wish, answer, once),
        )

    def _heard(self, wish: Wish, answer: Message | RpcFailure, once: bool) -> None:
        if not isinstance(answer, RpcFailure):
            wish.done = True
            self.answered(wish, answer, once)
        elif answer.code not in UNSURE:
            wish.refusals.append(answer.reason)
            wish.done = True
            self.refused(wish, once)
        elif not once or wish.refusals:
            wish.done = False
            delay = self.rng.uniform(0.5, min(20.0, 2.0 * wish.tries + 1.0))
            self.env.scheduler.after(delay, self.process, lambda: self._send(wish, once=once))
