"""The index by which sellers see what they sold."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index."""
    op.create_index("ix_order_lines_seller_id_order_id", "order_lines", ["seller_id", "order_id"], unique=False)
