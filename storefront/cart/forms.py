"""The forms of the cart."""

from flask_wtf import FlaskForm

from storefront.cart.queries import MAX_QUANTITY
from storefront.fields import INT32_MAX, WholeNumber


class AddForm(FlaskForm):
    """So many units of an offer, please."""

    offer_id = WholeNumber("Offer", low=1, high=INT32_MAX)
    quantity = WholeNumber("Quantity", low=1, high=MAX_QUANTITY, default=1)


class QuantityForm(FlaskForm):
    """As many units as this, not more and not less."""

    quantity = WholeNumber("Quantity", low=1, high=MAX_QUANTITY)
