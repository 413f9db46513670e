"""The forms of sellers."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import Regexp

from storefront.accounts.forms import MAX_NAME
from storefront.fields import Price, Visible, WholeNumber, one_line

MAX_TITLE = 120
MAX_DESCRIPTION = 4000
MAX_RESTOCK = 10_000


NOT_CHOSEN = 0


def chosen(_form: Any, field: Any) -> None:
    """ValidationError: nothing was chosen yet."""
    if field.data == NOT_CHOSEN:
        raise ValidationError("Choose one.")


class BecomeSellerForm(FlaskForm):
    """The name over the shop's door."""

    display_name = StringField(
        "Name of your shop", filters=[one_line], validators=[Visible("the name of your shop", high=MAX_NAME)]
    )


class ItemForm(FlaskForm):
    """A new item. Its choices are set by the page."""

    stamp = HiddenField()
    title = StringField("Title", filters=[one_line], validators=[Visible("a title", high=MAX_TITLE)])
    description = TextAreaField("Description", validators=[Visible("a description", high=MAX_DESCRIPTION, lines=True)])
    category = SelectField("Shelf", coerce=int, validators=[chosen])
    price_cents = Price("Price in dollars")
    allow_backorder = BooleanField("Accept orders while it is out of stock")
    warehouse = SelectField("Warehouse", coerce=int)
    quantity = WholeNumber("Units to begin with", low=1, high=MAX_RESTOCK)


class RestockForm(FlaskForm):
    """More units of an item. The request_id makes pressing twice one purchase."""

    request_id = HiddenField(validators=[Regexp(r"\A[A-Za-z0-9_-]{8,64}\Z")])
    warehouse = SelectField("Warehouse", coerce=int)
    quantity = WholeNumber("Units", low=1, high=MAX_RESTOCK)
