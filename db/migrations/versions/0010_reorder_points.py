"""Points at which units are bought by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "reorder_points",
        sa.Column("offer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("level > 0 and quantity > 0", name=op.f("ck_reorder_points_positive")),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["warehouses.id"], name=op.f("fk_reorder_points_warehouse_id_warehouses")
        ),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_reorder_points")),
    )
