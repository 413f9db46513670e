"""News of orders, to be told by letter, and who does not want such letters."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables. What happened before is old news: it gets no rows."""
    op.create_table(
        "order_news",
        sa.Column("order_id", ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("happened", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.Double(), nullable=True),
        sa.Column("promised_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_news_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_news")),
    )
    op.create_index(
        "ix_order_news_untold",
        "order_news",
        ["order_id"],
        unique=False,
        sqlite_where=sa.text("happened <> told"),
        postgresql_where=sa.text("happened <> told"),
    )
    op.create_index(
        "ix_order_news_look_at",
        "order_news",
        ["look_at"],
        unique=False,
        sqlite_where=sa.text("look_at is not null"),
        postgresql_where=sa.text("look_at is not null"),
    )
    op.create_table(
        "letters_off",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_letters_off_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_letters_off")),
    )
