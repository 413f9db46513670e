"""The declarative base of the shop's own tables."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from db.naming import NAMING_CONVENTION


class ShopBase(DeclarativeBase):
    """Tables that storefront writes and nobody else."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
