"""What is asked of the database about staff. Each function works in the caller's transaction.

Rules: the role is given and taken at the command line (`minimart staff`) and nowhere else; it is read with every
request (`storefront.accounts.sessions`), so whoever lost it has lost it at once, in open sessions too.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from db.shop.accounts import User, email_key
from db.shop.audit import SecurityEvent
from db.shop.staff import Staff
from storefront.audit import queries as audit


class NobodyCalled(Exception):
    """No account has this address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"nobody has an account as {email}")


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who is staff, and since when."""

    email: str
    granted_at: float


def grant(connection: Connection, email: str, now: float) -> bool:
    """Makes the account with this address staff; False: it was already. NobodyCalled: there is no such account."""
    user_id = _account(connection, email)
    if connection.execute(select(Staff.user_id).where(Staff.user_id == user_id)).first() is not None:
        return False
    connection.execute(insert(Staff).values(user_id=user_id, granted_at=now))
    audit.write(connection, SecurityEvent.ROLE_CHANGED, user_id, now, detail="staff")
    return True


def revoke(connection: Connection, email: str, now: float) -> bool:
    """Ends that; False: it was no staff. NobodyCalled: there is no such account."""
    user_id = _account(connection, email)
    if connection.execute(delete(Staff).where(Staff.user_id == user_id)).rowcount != 1:
        return False
    audit.write(connection, SecurityEvent.ROLE_CHANGED, user_id, now, detail="no staff any more")
    return True


def members(connection: Connection) -> list[StaffMember]:
    """Everybody who is staff, in the order in which they were made so."""
    rows = connection.execute(
        select(User.email, Staff.granted_at).join(User, User.id == Staff.user_id).order_by(Staff.granted_at, User.id)
    )
    return [StaffMember(row.email, row.granted_at) for row in rows]


def _account(connection: Connection, email: str) -> int:
    """The id of an account, locked: two who grant at once come one after the other, and nobody closes it meanwhile."""
    query = select(User.id).where(User.email_key == email_key(email)).with_for_update()
    user_id = connection.execute(query).scalar()
    if user_id is None:
        raise NobodyCalled(email)
    return user_id
