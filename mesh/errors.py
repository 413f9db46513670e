"""What an RPC says when it says no: one type per meaning on the server's side, one value on the client's.

A servicer raises a `Refusal`; the server (mesh.guard) turns it into a status that carries google.rpc.ErrorInfo
(domain "minimart", reason in UPPER_SNAKE) and, for bad input, google.rpc.BadRequest with one entry per field. A client
reads any failed call with `read_error`, also one that gRPC itself refused and that therefore has no details.

Elsewhere: which refusal a rule gives is the service's own business; unexpected exceptions never become refusals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "minimart"
DETAILS_KEY = "grpc-status-details-bin"

# Trailers are limited to 8 KiB by gRPC's own default; what does not fit would lose the whole status.
MAX_VIOLATIONS = 30
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that cannot be accepted, and why, in words for a person."""

    field: str
    description: str


class Refusal(Exception):
    """An expected "no": becomes the status `code` with `reason` and `metadata` as its ErrorInfo.

    A subclass fixes `code`, and may fix `reason`. `metadata` values are sent as text: ids and numbers that a client can
    act on, no secrets.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN
    reason: str = "REFUSED"

    def __init__(self, reason: str, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}
        self.violations: tuple[FieldViolation, ...] = ()


class InvalidArgument(Refusal):
    """The request can never be accepted as it is; `violations` names the fields."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(
        self,
        violations: Sequence[FieldViolation],
        reason: str = "INVALID_FIELD",
        message: str = "",
        **metadata: object,
    ) -> None:
        said = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
        super().__init__(reason, message or said, **metadata)
        self.violations = tuple(violations)


class NotFound(Refusal):
    """It does not exist, or it is not the caller's to see."""

    code = grpc.StatusCode.NOT_FOUND


class FailedPrecondition(Refusal):
    """It exists, but its state does not allow this."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class AlreadyExists(Refusal):
    """The id was used before, with other content."""

    code = grpc.StatusCode.ALREADY_EXISTS


class ResourceExhausted(Refusal):
    """There is none left, or too many ask at once."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Aborted(Refusal):
    """Lost a race; the same request may succeed when sent again."""

    code = grpc.StatusCode.ABORTED


class Unavailable(Refusal):
    """Something that is needed is away; the same request may succeed later."""

    code = grpc.StatusCode.UNAVAILABLE


class PermissionDenied(Refusal):
    """The caller is known and has no business here."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unauthenticated(Refusal):
    """The caller did not prove who it is."""

    code = grpc.StatusCode.UNAUTHENTICATED


@dataclass(frozen=True, slots=True)
class RpcFailure:
    """A failed call as its client sees it; `reason` is the code's name where the server gave none."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[FieldViolation, ...] = ()


def pack_details(refusal: Refusal) -> bytes:
    """The serialized google.rpc.Status of a refusal: the value of the trailer `grpc-status-details-bin`."""
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message[:MAX_TEXT])
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN)
    for key, value in refusal.metadata.items():
        info.metadata[key] = value[:MAX_TEXT]
    details: list[error_details_pb2.ErrorInfo | error_details_pb2.BadRequest] = [info]
    if refusal.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in refusal.violations[:MAX_VIOLATIONS]:
            bad_request.field_violations.add(field=violation.field, description=violation.description[:MAX_TEXT])
        details.append(bad_request)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    packed_status: bytes = status.SerializeToString()
    return packed_status


def read_error(error: grpc.RpcError) -> RpcFailure:
    """What a failed call, sync or aio, says: its details where the server sent them, its bare status where not."""
    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
    message = (error.details() if hasattr(error, "details") else "") or ""
    trailers: Any = (error.trailing_metadata() if hasattr(error, "trailing_metadata") else ()) or ()
    # gRPC's own refusal beyond maximum_concurrent_rpcs has no details; nothing else of this code lacks them.
    reason = "OVERLOADED" if code is grpc.StatusCode.RESOURCE_EXHAUSTED else code.name
    metadata: dict[str, str] = {}
    violations: list[FieldViolation] = []
    trailer: tuple[str, bytes]
    for trailer in trailers:
        key, value = trailer
        if key != DETAILS_KEY:
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad_request):
                violations += [FieldViolation(one.field, one.description) for one in bad_request.field_violations]
    return RpcFailure(code, reason, message, metadata, tuple(violations))
