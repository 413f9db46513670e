"""Sellers by name, found among all users."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index."""
    op.create_index(
        "ix_profiles_sellers",
        "profiles",
        ["display_name", "user_id"],
        sqlite_where=sa.text("is_seller = 1"),
        postgresql_where=sa.text("is_seller"),
    )
