"""The form of the checkout page."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

from storefront.accounts.forms import MAX_UPS_ACCOUNT
from storefront.fields import INT32_MAX, INT32_MIN, Visible, WholeNumber, one_line


class CheckoutForm(FlaskForm):
    """Where to, for whom at UPS, and the ticket of the page."""

    ticket = HiddenField()
    x = WholeNumber("Address x", low=INT32_MIN, high=INT32_MAX)
    y = WholeNumber("Address y", low=INT32_MIN, high=INT32_MAX)
    ups_account = StringField(
        "UPS account (optional)",
        filters=[one_line],
        validators=[Visible("your account name at UPS", low=0, high=MAX_UPS_ACCOUNT)],
    )
