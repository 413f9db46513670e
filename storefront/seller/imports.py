"""The files that sellers have sent: one of each seller, until it is a day old. In the caller's transaction."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from db.shop.imports import ItemImport

KEPT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A file; empty once it was applied."""

    content: str
    applied_at: float | None


def keep(connection: Connection, seller_id: int, batch: str, content: str, now: float) -> None:
    """Keeps a file in place of the one before."""
    connection.execute(delete(ItemImport).where(ItemImport.seller_id == seller_id))
    connection.execute(insert(ItemImport).values(seller_id=seller_id, batch=batch, content=content, sent_at=now))


def find(connection: Connection, seller_id: int, batch: str) -> Kept | None:
    """A file of this seller's."""
    mine = (ItemImport.seller_id == seller_id, ItemImport.batch == batch)
    row = connection.execute(select(ItemImport.content, ItemImport.applied_at).where(*mine)).one_or_none()
    return Kept(*row) if row is not None else None


def note_applied(connection: Connection, seller_id: int, batch: str, now: float) -> None:
    """The file was read into the shop."""
    mine = (ItemImport.seller_id == seller_id, ItemImport.batch == batch)
    connection.execute(update(ItemImport).where(*mine).values(content="", applied_at=now))


def tidy(connection: Connection, now: float) -> int:
    """Removes files that nobody came back to; how many."""
    return connection.execute(delete(ItemImport).where(ItemImport.sent_at < now - KEPT_SECONDS)).rowcount
