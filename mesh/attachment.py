"""A bridge's ownership of its link: attach, renew, notice when it is lost. Pure: calls to make come out, answers go in.

Rules: AttachLink is tried until it succeeds, with growing delays, and the reason for waiting is kept in words; the
lease is renewed at a third of its length, and at once when what is said of the link changes; STALE_EPOCH on any call
ends the ownership, and whoever took it is not driven out in turn: what was owned last is said with AttachLink, and from
which epoch the link is taken, which a first refusal tells; at most one call of a kind is under way, and an answer to a
call that was made before the ownership changed is no answer. What a bridge does with its link is deliberately
elsewhere, and so is gRPC itself (mesh.runner).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import grpc

from mesh.errors import RpcFailure
from shop.fulfilment.v1 import fulfilment_pb2 as pb

_CHANGE_SECONDS = 0.2


class Kind(Enum):
    """The RPCs of FulfilmentService; the value is the method's name."""

    ATTACH = "AttachLink"
    RENEW = "RenewLink"
    ADVANCE = "AdvanceWorld"
    REPORT = "Report"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One RPC that is to be made; its answer is handed back together with it."""

    kind: Kind
    request: Any


class Delays(Protocol):
    """How long to wait before the next try."""

    def next(self) -> float:
        """Seconds."""
        ...

    def reset(self) -> None:
        """A try succeeded."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who attaches: the link's name, the instance's, a nonce of this start, and where BridgeService is served."""

    link: str
    instance: str
    boot_nonce: str
    callback_address: str


class Attachment:
    """The ownership of one link."""

    def __init__(self, identity: Identity, delays: Delays, now: float) -> None:
        self.identity = identity
        self.link_epoch = 0
        self.lease_seconds = 3.0
        self.world_tick_seconds = 6.0
        self.candidate_world_id: int | None = None
        # In words: why it is not attached, or why the last renewal failed.
        self.trouble = "not attached yet"
        self._delays = delays
        self._at = now
        self._said: tuple[bool, str] | None = None
        self._under_way: Call | None = None
        # What was ours last: who supersedes us is not superseded by us in turn.
        self._last_epoch = 0
        # The epoch that we take the link from, as we were told it.
        self._seen_epoch = 0
        # Whether that was the last answer: who is told again and again waits in between, as after any refusal.
        self._was_told = False

    @property
    def attached(self) -> bool:
        """Whether the link is ours, as far as we know."""
        return self.link_epoch != 0

    @property
    def next_timer(self) -> float | None:
        """When the next call is due; None: one is under way."""
        return None if self._under_way else self._at

    def _is_told(self, refusal: RpcFailure) -> bool:
        """Whether it tells the epoch that the link is at; that is kept."""
        epoch = refusal.metadata.get("link_epoch", "") if refusal.reason == "LINK_MOVED" else ""
        if not epoch.isdecimal():
            return False
        self._seen_epoch = int(epoch)
        return True

    def lose(self, reason: str, now: float) -> None:
        """The link is not ours any more."""
        self.link_epoch = 0
        self.candidate_world_id = None
        self.trouble = reason
        self._under_way = None
        self._said = None
        self._at = now

    def due(self, now: float, connected: bool, state: str) -> Call | None:
        """The call to make at `now`; `connected` and `state` are what is to be said of the link."""
        if self._under_way is not None:
            return None
        if self.attached and self._said is not None and self._said != (connected, state):
            self._at = min(self._at, now + _CHANGE_SECONDS)
            self._said = None
        if now < self._at:
            return None
        who = self.identity
        request: Any
        if self.attached:
            request = pb.RenewLinkRequest(link=who.link, link_epoch=self.link_epoch, connected=connected, state=state)
            self._said = (connected, state)
            self._under_way = Call(Kind.RENEW, request)
        else:
            request = pb.AttachLinkRequest(
                link=who.link,
                instance=who.instance,
                boot_nonce=who.boot_nonce,
                callback_address=who.callback_address,
                last_epoch=self._last_epoch,
                seen_epoch=self._seen_epoch,
            )
            self._under_way = Call(Kind.ATTACH, request)
        return self._under_way

    def answered(self, call: Call, answer: Any, now: float) -> bool:
        """Takes the answer to a call of `due`, a response or an RpcFailure; True if the ownership was just gained."""
        if call is not self._under_way:
            return False
        self._under_way = None
        if isinstance(answer, RpcFailure):
            delay = self._delays.next()
            was_told, self._was_told = self._was_told, self._is_told(answer)
            if self._was_told and not was_told:
                self._at = now
                return False
            self.trouble = describe(answer)
            self._at = now + delay
            return False
        self._delays.reset()
        self._was_told = False
        self.trouble = ""
        if call.kind is Kind.RENEW:
            self.lease_seconds = answer.lease_seconds or self.lease_seconds
            self.candidate_world_id = answer.candidate_world_id if answer.HasField("candidate_world_id") else None
            self._at = now + self.lease_seconds / 3
            return False
        self.link_epoch = self._last_epoch = answer.link_epoch
        self.lease_seconds = answer.lease_seconds or self.lease_seconds
        self.world_tick_seconds = answer.world_tick_seconds or self.world_tick_seconds
        self._at = now  # what is known of the link is said at once
        return True


def is_stale(answer: Any) -> bool:
    """Whether an answer says that the link is owned by another epoch."""
    return (
        isinstance(answer, RpcFailure)
        and answer.code is grpc.StatusCode.FAILED_PRECONDITION
        and answer.reason == "STALE_EPOCH"
    )


def describe(failure: RpcFailure) -> str:
    """A failed call in words for the state of a link."""
    if failure.reason == "LINK_OWNED":
        return f"waiting for another instance to let go of the link: {failure.message}"
    if failure.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return f"waiting for orders_svc: {failure.code.name}"
    return f"orders_svc refuses: {failure.reason} {failure.message}".strip()


def earliest(*times: float | None) -> float | None:
    """The smallest of the times that are known."""
    known = [at for at in times if at is not None]
    return min(known) if known else None
