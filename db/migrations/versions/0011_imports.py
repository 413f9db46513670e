"""Files of items that sellers have sent."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "item_imports",
        sa.Column("seller_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(length=32), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("applied_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name=op.f("fk_item_imports_seller_id_users")),
        sa.PrimaryKeyConstraint("seller_id", name=op.f("pk_item_imports")),
    )
