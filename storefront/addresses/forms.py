"""The form of an address."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField

from storefront.fields import INT32_MAX, INT32_MIN, Visible, WholeNumber, one_line

MAX_LABEL = 60


class AddressForm(FlaskForm):
    """A place and its name."""

    label = StringField("Name of the place", filters=[one_line], validators=[Visible("a name", high=MAX_LABEL)])
    x = WholeNumber("Address x", low=INT32_MIN, high=INT32_MAX)
    y = WholeNumber("Address y", low=INT32_MIN, high=INT32_MAX)
    make_default = BooleanField("Suggest it first at the checkout")
