"""Orders by the time at which they were placed."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index."""
    op.create_index("ix_orders_placed_at", "orders", ["placed_at"])
