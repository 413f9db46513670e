"""Finds the parcels that a person has to look at without a walk over all that are open."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index."""
    attention = sa.text("attention_reason is not null and ended_at is null")
    op.create_index(
        "ix_shipments_attention", "shipments", ["id"], unique=False, sqlite_where=attention, postgresql_where=attention
    )
