"""Who calls: a service token in a file that only its owner can read, and the user that a call acts for.

The file holds one line `caller token` per caller. A call carries `authorization: Bearer <token>` and, where it acts for
a user, `x-acting-user: <decimal id>`; where that user is staff of the shop, which only the service that owns the
accounts can know, `x-acting-role: staff`. Tokens are compared by their digest, so timing tells nothing about them.

Elsewhere: which caller may use which service stands with the service (mesh.server.Service); what a user may see is
decided by the service that owns the data.
"""

import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc

from mesh.errors import Unauthenticated

CALLERS = ("storefront", "orders_svc", "world_bridge", "ups_bridge", "cli")
AUTHORIZATION = "authorization"
ACTING_USER = "x-acting-user"
ACTING_ROLE = "x-acting-role"
STAFF = "staff"

_BEARER = "Bearer "
_MAX_USER_ID = 2**63 - 1


class TokensError(Exception):
    """The tokens file cannot be used; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven caller, and the user that the call acts for, if any."""

    name: str
    acting_user: int | None
    # Whether that user acts as staff of the shop.
    is_staff: bool = False


class Tokens:
    """The tokens of all callers, looked up in either direction."""

    def __init__(self, by_caller: Mapping[str, str], source: str = "the tokens given") -> None:
        self._by_caller = dict(by_caller)
        self._by_digest = {_digest(token): caller for caller, token in by_caller.items()}
        self._source = source

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Reads a tokens file. TokensError: missing, unreadable, open to others, or a line that is not two words."""
        path = Path(path)
        try:
            mode = path.stat().st_mode
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TokensError(f"cannot read the tokens file {path}: {error}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TokensError(f"the tokens file {path} is open to others: chmod 600 {path}")
        by_caller: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            words = line.split()
            if len(words) != 2 or words[0] in by_caller or words[1] in by_caller.values():
                raise TokensError(f"the tokens file {path}, line {number}: not one `caller token`, each once")
            by_caller[words[0]] = words[1]
        return cls(by_caller, f"the tokens file {path}")

    def caller_of(self, token: str) -> str | None:
        """The caller whose token this is, or None."""
        return self._by_digest.get(_digest(token))

    def token_of(self, caller: str) -> str:
        """The token of a caller. TokensError: it has none."""
        try:
            return self._by_caller[caller]
        except KeyError:
            raise TokensError(f"{self._source} has no token for {caller}") from None

    def identify(self, metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
        """Who sent a call with this metadata. Unauthenticated: no token, an unknown one, an impossible user or role."""
        token, acting_user, role = "", "", ""
        for key, value in metadata:
            if key == AUTHORIZATION:
                token = str(value)
            elif key == ACTING_USER:
                acting_user = str(value)
            elif key == ACTING_ROLE:
                role = str(value)
        if not token.startswith(_BEARER):
            raise Unauthenticated("NO_TOKEN", "the call carries no service token")
        name = self.caller_of(token[len(_BEARER) :])
        if name is None:
            raise Unauthenticated("UNKNOWN_TOKEN", "the call's service token is not known here")
        if role not in ("", STAFF):
            raise Unauthenticated("BAD_ACTING_ROLE", f"{ACTING_ROLE} is no role that we know")
        if not acting_user:
            return Caller(name, None)
        if not (acting_user.isascii() and acting_user.isdecimal()) or not 0 < int(acting_user[:20]) <= _MAX_USER_ID:
            raise Unauthenticated("BAD_ACTING_USER", f"{ACTING_USER} is not a user id")
        return Caller(name, int(acting_user), role == STAFF)


def ensure_tokens_file(path: Path | str) -> None:
    """Makes the tokens file, mode 0600, with a fresh token for every caller, unless it is there.

    Race-free: of several processes that start at once, one makes the file, whole, and the others find it.
    """
    path = Path(path)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{caller} {secrets.token_urlsafe(32)}\n" for caller in CALLERS)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first, and its file is whole
    finally:
        os.unlink(draft)


_current: ContextVar[Caller | None] = ContextVar("minimart_caller", default=None)


def current_caller(context: grpc.ServicerContext) -> Caller:  # noqa: ARG001 - says that it is for use in a call
    """The caller of the RPC that is being served on this thread or task; Unauthenticated outside of one."""
    caller = _current.get()
    if caller is None:
        raise Unauthenticated("NO_CALLER", "no authenticated call is being served")
    return caller


def serve_for(caller: Caller | None) -> None:
    """Makes `caller` the current one of this thread or task; the server does so before each call."""
    _current.set(caller)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
