"""The forms of the cart."""

from flask_wtf import FlaskForm
from wtforms import StringField

from storefront.cart.queries import MAX_QUANTITY
from storefront.fields import INT32_MAX, WholeNumber

BUY_NOW = "buy-now"


class AddForm(FlaskForm):
    """So many units of an offer, please. `then`: BUY_NOW goes on to the checkout with just these."""

    offer_id = WholeNumber("Offer", low=1, high=INT32_MAX)
    quantity = WholeNumber("Quantity", low=1, high=MAX_QUANTITY, default=1)
    then = StringField()


class QuantityForm(FlaskForm):
    """As many units as this, not more and not less."""

    quantity = WholeNumber("Quantity", low=1, high=MAX_QUANTITY)
