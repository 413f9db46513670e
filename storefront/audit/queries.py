"""The audit log in the database. Each function works in the caller's transaction."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from db.shop.audit import SecurityEvent, SecurityNote

TIDIED_AT_ONCE = 1000
MAX_DETAIL = 80


@dataclass(frozen=True, slots=True)
class NoteShown:
    """An event, for the owner of the account."""

    words: str
    at: float
    browser: str
    address: str


_WORDS = {
    SecurityEvent.REGISTERED: "The account was made",
    SecurityEvent.LOGGED_IN: "Logged in",
    SecurityEvent.LOGIN_FAILED: "A log-in with a wrong password",
    SecurityEvent.LOGGED_OUT: "Logged out",
    SecurityEvent.SESSIONS_ENDED: "Logged out everywhere else",
    SecurityEvent.PROOF_FAILED: "A wrong password where it was asked for",
    SecurityEvent.RESET_ASKED: "A link for a new password was asked for",
    SecurityEvent.PASSWORD_RESET: "A new password, by a link from a letter",
    SecurityEvent.PASSWORD_CHANGED: "The password was changed",
    SecurityEvent.EMAIL_CHANGED: "The e-mail address was changed",
    SecurityEvent.ROLE_CHANGED: "What the account may do was changed",
    SecurityEvent.ACCESS_DENIED: "A page was asked for that is not for this account",
    SecurityEvent.FORM_REFUSED: "A form was not taken: its page was out of date, or it came from elsewhere",
    SecurityEvent.LIMIT_HIT: "Too many tries",
}


def write(
    connection: Connection,
    event: SecurityEvent,
    user_id: int | None,
    now: float,
    *,
    address: str = "",
    browser: str = "",
    detail: str = "",
) -> None:
    """Writes an event's row."""
    row = {"at": now, "kind": event, "user_id": user_id, "address": address, "browser": browser}
    connection.execute(insert(SecurityNote).values(row | {"detail": detail[:MAX_DETAIL]}))


def recent(connection: Connection, user_id: int, limit: int) -> list[NoteShown]:
    """The last events of an account, newest first."""
    rows = connection.execute(
        select(SecurityNote.kind, SecurityNote.at, SecurityNote.browser, SecurityNote.address)
        .where(SecurityNote.user_id == user_id)
        .order_by(SecurityNote.id.desc())
        .limit(limit)
    )
    return [NoteShown(_WORDS[SecurityEvent(row.kind)], row.at, row.browser, row.address) for row in rows]


def forget(connection: Connection, user_id: int) -> None:
    """Removes what is noted of somebody, as they leave."""
    connection.execute(delete(SecurityNote).where(SecurityNote.user_id == user_id))


def tidy(connection: Connection, now: float, kept_seconds: float) -> int:
    """Removes what is older than `kept_seconds`, some at a time; how many."""
    old = select(SecurityNote.id).where(SecurityNote.at < now - kept_seconds).order_by(SecurityNote.at)
    ids = list(connection.execute(old.limit(TIDIED_AT_ONCE)).scalars())
    return connection.execute(delete(SecurityNote).where(SecurityNote.id.in_(ids))).rowcount if ids else 0
