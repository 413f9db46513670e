"""E-mail on its way out, in the database. Each function works in the caller's transaction and does no network call.

Rules: a message is written with what it tells of, so it is sent if and only if that was committed; its key says what it
tells, and the same key is the same message, however often it is written; a message is claimed before it is handed to
the transport, and one that may have been sent is not sent again.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_pg
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from db.shop.mails import Mail, MailState

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 1800.0
# A message that could not be handed over for so long tells nobody anything new.
GIVE_UP_SECONDS = 2 * 24 * 3600.0
KEPT_SECONDS = 30 * 24 * 3600.0
# A message in the transport's hands for longer than this was there when the process ended.
LOST_SECONDS = 600.0
PERHAPS = "perhaps sent: the process ended, or the connection, before the server had answered"
MAX_TROUBLE = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person, in plain text. `key`: what it tells, such as "order-17-delivered"."""

    key: str
    recipient: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to hand over."""

    mail_id: int
    letter: Letter
    created_at: float
    tries: int


def write(connection: Connection, letter: Letter, now: float, *, nobody: bool = False) -> bool:
    """Puts a message in the outbox. False: it is there already. `nobody`: it is kept, but goes to no one.

    The latter takes the same work, so that whether somebody has an account cannot be told by the time it takes.
    """
    return _write(connection, [_row(letter, now, nobody=nobody)]) == 1


def write_all(connection: Connection, letters: Collection[Letter], now: float) -> int:
    """Puts messages in the outbox; how many were not there already."""
    return _write(connection, [_row(letter, now, nobody=False) for letter in letters])


def _row(letter: Letter, now: float, *, nobody: bool) -> dict[str, object]:
    return {
        "key": letter.key,
        "recipient": letter.recipient,
        "subject": letter.subject,
        "body": "" if nobody else letter.body,
        "state": MailState.FAILED if nobody else MailState.WAITING,
        "tries": 0,
        "created_at": now,
        "next_try_at": now,
        "trouble": "nobody has this address" if nobody else "",
    }


def _write(connection: Connection, rows: list[dict[str, object]]) -> int:
    return len(connection.execute(_WRITE[connection.dialect.name], rows).all()) if rows else 0


_WRITE = {
    name: insert(Mail).on_conflict_do_nothing(index_elements=[Mail.key]).returning(Mail.id)
    for name, insert in (("postgresql", insert_pg), ("sqlite", insert_sqlite))
}


def readdress(connection: Connection, old: str, new: str, notices: str) -> None:
    """Has what was for somebody's old address go to the new one, but for `notices`: what their keys begin with."""
    is_notice = Mail.key.startswith(notices, autoescape=True)
    connection.execute(update(Mail).where(Mail.recipient == old, ~is_notice).values(recipient=new))


def forget(connection: Connection, recipient: str, notices: str) -> None:
    """Removes what was for somebody's address, and the `notices` to earlier ones."""
    is_notice = Mail.key.startswith(notices, autoescape=True)
    connection.execute(delete(Mail).where((Mail.recipient == recipient) | is_notice))


def due(connection: Connection, now: float, limit: int) -> list[int]:
    """The ids of messages that are due, longest due first."""
    rows = connection.execute(
        select(Mail.id)
        .where(Mail.state == MailState.WAITING, Mail.next_try_at <= now)
        .order_by(Mail.next_try_at)
        .limit(limit)
    )
    return list(rows.scalars())


def claim(connection: Connection, mail_id: int, now: float) -> Claimed | None:
    """Takes a message that is due. None: somebody else has."""
    row = connection.execute(
        update(Mail)
        .where(Mail.id == mail_id, Mail.state == MailState.WAITING, Mail.next_try_at <= now)
        .values(state=MailState.SENDING, tries=Mail.tries + 1, next_try_at=now)
        .returning(Mail.id, Mail.key, Mail.recipient, Mail.subject, Mail.body, Mail.created_at, Mail.tries)
    ).one_or_none()
    if row is None:
        return None
    return Claimed(row.id, Letter(row.key, row.recipient, row.subject, row.body), row.created_at, row.tries)


def sent(connection: Connection, claimed: Claimed) -> None:
    """It was taken."""
    _settle(connection, claimed, MailState.SENT, "")


def failed(connection: Connection, claimed: Claimed, trouble: str) -> None:
    """It was refused for good, or nobody knows: it is not sent again."""
    _settle(connection, claimed, MailState.FAILED, trouble)


def try_again(connection: Connection, claimed: Claimed, trouble: str, now: float) -> None:
    """It surely was not taken: later, or never once it is too old."""
    if now - claimed.created_at > GIVE_UP_SECONDS:
        failed(connection, claimed, trouble)
        return
    wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(claimed.tries - 1, 20))
    connection.execute(
        update(Mail)
        .where(Mail.id == claimed.mail_id, Mail.state == MailState.SENDING)
        .values(state=MailState.WAITING, trouble=trouble[:MAX_TROUBLE], next_try_at=now + wait)
    )


def tidy(connection: Connection, now: float) -> int:
    """Gives up what was lost on the way, and removes what is old; how many messages are gone."""
    lost = (Mail.state == MailState.SENDING) & (Mail.next_try_at < now - LOST_SECONDS)
    connection.execute(update(Mail).where(lost).values(_over(MailState.FAILED, PERHAPS)))
    over = Mail.state.in_((MailState.SENT, MailState.FAILED)) & (Mail.created_at < now - KEPT_SECONDS)
    return connection.execute(delete(Mail).where(over)).rowcount


def _settle(connection: Connection, claimed: Claimed, state: MailState, trouble: str) -> None:
    mine = (Mail.id == claimed.mail_id) & (Mail.state == MailState.SENDING)
    connection.execute(update(Mail).where(mine).values(_over(state, trouble)))


def _over(state: MailState, trouble: str) -> dict[str, str]:
    # What it said is told; nobody needs to keep it, least of all a link that resets a password.
    return {"state": state, "trouble": trouble[:MAX_TROUBLE], "body": ""}
