"""What the address book asks of the database. Each function works in the caller's transaction.

Rules: a user reaches own addresses only, whatever id they name; a book that is not empty has one default; changes of
one book happen one after the other (its owner's row is locked).
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from db.shop.accounts import Address, User

MAX_ADDRESSES = 20


class BookFull(Exception):
    """The book holds as many addresses as it can; the message is for the shopper."""

    def __init__(self) -> None:
        super().__init__(
            f"Your address book holds {MAX_ADDRESSES} places, which is as many as can be. Remove one first."
        )


@dataclass(frozen=True, slots=True)
class AddressShown:
    """One place in somebody's book."""

    address_id: int
    label: str
    x: int
    y: int
    is_default: bool


def book_of(connection: Connection, user_id: int) -> list[AddressShown]:
    """A user's addresses, the default first. One query."""
    rows = connection.execute(
        select(Address.id, Address.label, Address.x, Address.y, Address.is_default)
        .where(Address.user_id == user_id)
        .order_by(Address.is_default.desc(), Address.id)
        .limit(MAX_ADDRESSES)
    )
    return [AddressShown(*row) for row in rows]


def add(connection: Connection, user_id: int, *, label: str, x: int, y: int, make_default: bool, now: float) -> int:
    """Adds an address; its id. The same place under the same name is not added twice; the first is the default."""
    _lock(connection, user_id)
    book = book_of(connection, user_id)
    known = next((one for one in book if (one.label, one.x, one.y) == (label, x, y)), None)
    if known is None and len(book) >= MAX_ADDRESSES:
        raise BookFull
    address_id = known.address_id if known else None
    if address_id is None:
        values = {"user_id": user_id, "label": label, "x": x, "y": y, "is_default": False, "created_at": now}
        address_id = connection.execute(insert(Address).values(values).returning(Address.id)).scalar_one()
    if make_default or not book:
        _make_default(connection, user_id, address_id)
    return address_id


def change(
    connection: Connection, user_id: int, address_id: int, *, label: str, x: int, y: int, make_default: bool
) -> bool:
    """Changes an address. False: it is not this user's."""
    _lock(connection, user_id)
    done = connection.execute(
        update(Address).where(Address.id == address_id, Address.user_id == user_id).values(label=label, x=x, y=y)
    )
    if done.rowcount == 1 and make_default:
        _make_default(connection, user_id, address_id)
    return done.rowcount == 1


def make_default(connection: Connection, user_id: int, address_id: int) -> bool:
    """Makes an address the default. False: it is not this user's."""
    _lock(connection, user_id)
    mine = select(Address.id).where(Address.id == address_id, Address.user_id == user_id)
    if connection.execute(mine).scalar() is None:
        return False
    _make_default(connection, user_id, address_id)
    return True


def remove(connection: Connection, user_id: int, address_id: int) -> bool:
    """Removes an address; the oldest of the others is the default then. False: it is not this user's."""
    _lock(connection, user_id)
    done = connection.execute(delete(Address).where(Address.id == address_id, Address.user_id == user_id))
    mine = Address.user_id == user_id
    if connection.execute(select(func.count()).where(mine, Address.is_default)).scalar_one() == 0:
        oldest = connection.execute(select(func.min(Address.id)).where(mine)).scalar()
        if oldest is not None:
            _make_default(connection, user_id, oldest)
    return done.rowcount == 1


def _make_default(connection: Connection, user_id: int, address_id: int) -> None:
    mine = Address.user_id == user_id
    connection.execute(update(Address).where(mine, Address.is_default).values(is_default=False))
    connection.execute(update(Address).where(mine, Address.id == address_id).values(is_default=True))


def _lock(connection: Connection, user_id: int) -> None:
    connection.execute(select(User.id).where(User.id == user_id).with_for_update())
