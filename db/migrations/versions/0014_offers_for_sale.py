"""What is for sale, of a product and of a seller, told by an index alone."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Puts two indexes that know it in the place of two that do not."""
    op.create_index("ix_offers_of_product", "offers", ["product_id", "withdrawn_at", "price_cents", "id"])
    op.create_index("ix_offers_of_seller", "offers", ["seller_id", "withdrawn_at", "price_cents", "product_id"])
    op.drop_index("ix_offers_product_id_price_cents", "offers")
    op.drop_index("ix_offers_seller_id", "offers")
