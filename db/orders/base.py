"""The declarative base of the orders service's tables."""

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase

from db.naming import NAMING_CONVENTION

# SQLite numbers rows by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


class OrdersBase(DeclarativeBase):
    """Tables that orders_svc writes and nobody else."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
