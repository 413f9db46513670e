"""What accounts ask of the database. Each function works in the caller's transaction."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.shop.accounts import Profile, User, email_key
from db.shop.mails import LettersOff


class EmailTaken(Exception):
    """Somebody has an account with this address already."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a log-in is checked against."""

    user_id: int
    password_hash: str | None


def find_credentials(connection: Connection, email: str) -> Credentials | None:
    """The credentials of the account with this address."""
    row = connection.execute(
        select(User.id, User.password_hash).where(User.email_key == email_key(email))
    ).one_or_none()
    return None if row is None else Credentials(row.id, row.password_hash)


def create_account(connection: Connection, *, email: str, display_name: str, password_hash: str, now: float) -> int:
    """A new account; its id. EmailTaken: there is one with this address."""
    email = email.strip()
    try:
        with connection.begin_nested():
            user_id: int = connection.execute(
                insert(User)
                .values(email=email, email_key=email_key(email), password_hash=password_hash, created_at=now)
                .returning(User.id)
            ).scalar_one()
    except IntegrityError:
        raise EmailTaken from None
    connection.execute(
        insert(Profile).values(user_id=user_id, display_name=display_name, is_seller=False, ups_account="")
    )
    return user_id


def change_email(connection: Connection, user_id: int, email: str) -> None:
    """Another address for an account. EmailTaken: somebody else has it."""
    email = email.strip()
    try:
        with connection.begin_nested():
            connection.execute(update(User).where(User.id == user_id).values(email=email, email_key=email_key(email)))
    except IntegrityError:
        raise EmailTaken from None


def email_of(connection: Connection, user_id: int) -> str:
    """The address of an account."""
    return connection.execute(select(User.email).where(User.id == user_id)).scalar_one()


def replace_hash(connection: Connection, user_id: int, old: str, new: str) -> bool:
    """Stores a hash made with today's parameters, unless the password was changed meanwhile."""
    done = connection.execute(
        update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new)
    )
    return done.rowcount == 1


def change_profile(
    connection: Connection, user_id: int, *, display_name: str, ups_account: str, letters: bool, now: float
) -> None:
    """Changes what a user shows of themselves, and whether they want letters about their orders."""
    connection.execute(
        update(Profile).where(Profile.user_id == user_id).values(display_name=display_name, ups_account=ups_account)
    )
    if letters:
        connection.execute(delete(LettersOff).where(LettersOff.user_id == user_id))
    elif wants_letters(connection, user_id):
        connection.execute(insert(LettersOff).values(user_id=user_id, since_at=now))


def wants_letters(connection: Connection, user_id: int) -> bool:
    """Whether a user wants letters about their orders."""
    return connection.execute(select(LettersOff.user_id).where(LettersOff.user_id == user_id)).scalar() is None


def become_seller(connection: Connection, user_id: int, *, display_name: str) -> None:
    """Opens a shop under this name; doing it again changes the name only."""
    connection.execute(
        update(Profile).where(Profile.user_id == user_id).values(display_name=display_name, is_seller=True)
    )
