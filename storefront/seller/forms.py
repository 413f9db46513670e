"""The forms of sellers."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, HiddenField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import Regexp, StopValidation

from storefront.accounts.forms import MAX_NAME
from storefront.fields import Price, Visible, WholeNumber, one_line
from storefront.photos import developing
from storefront.photos.developing import NotAPhoto, Photo, develop
from storefront.uploads import was_too_large

MAX_TITLE = 120
MAX_DESCRIPTION = 4000
MAX_RESTOCK = 10_000


NOT_CHOSEN = 0
TITLE_RULE = Visible("a title", high=MAX_TITLE)
DESCRIPTION_RULE = Visible("a description", high=MAX_DESCRIPTION, lines=True)


def chosen(_form: Any, field: Any) -> None:
    """ValidationError: nothing was chosen yet."""
    if field.data == NOT_CHOSEN:
        raise ValidationError("Choose one.")


class PhotoField(FileField):
    """A picture to be sent; `photo` is what the shop makes of it, None without one."""

    photo: Photo | None = None

    def pre_validate(self, _form: Any) -> None:
        """StopValidation: it is too large, or no picture that we can show."""
        if not getattr(self.data, "filename", ""):
            return
        if was_too_large(self.data):
            most = developing.MOST_BYTES // 2**20
            size = self.data.stream.size / 2**20
            raise StopValidation(f"This file has {size:.0f} MB; at most {most} MB are fine. Send a smaller one.")
        try:
            self.photo = develop(self.data.stream)
        except NotAPhoto as problem:
            raise StopValidation(str(problem)) from problem


class BecomeSellerForm(FlaskForm):
    """The name over the shop's door."""

    display_name = StringField(
        "Name of your shop", filters=[one_line], validators=[Visible("the name of your shop", high=MAX_NAME)]
    )


class TermsForm(FlaskForm):
    """How something is sold. `seen`: see `storefront.seller.meanwhile`."""

    seen = HiddenField()
    price_cents = Price("Price in dollars")
    allow_backorder = BooleanField("Accept orders while it is out of stock")


class EditForm(TermsForm):
    """All about an item that this seller created. Its choices are set by the page."""

    title = StringField("Title", filters=[one_line], validators=[TITLE_RULE])
    description = TextAreaField("Description", validators=[DESCRIPTION_RULE])
    category = SelectField("Shelf", coerce=int, validators=[chosen])
    photo = PhotoField("Picture")
    drawn = BooleanField("Use a drawing of the shop's instead of the photo")


class OfferForm(TermsForm):
    """An offer of what is in the shop already, with its first units."""

    seen = None
    warehouse = SelectField("Warehouse", coerce=int)
    quantity = WholeNumber("Units to begin with", low=1, high=MAX_RESTOCK)


class ItemForm(OfferForm, EditForm):
    """A new item."""

    stamp = HiddenField()
    drawn = None


class RestockForm(FlaskForm):
    """More units of an item. The request_id makes pressing twice one purchase."""

    request_id = HiddenField(validators=[Regexp(r"\A[A-Za-z0-9_-]{8,64}\Z")])
    warehouse = SelectField("Warehouse", coerce=int)
    quantity = WholeNumber("Units", low=1, high=MAX_RESTOCK)


class ReorderForm(FlaskForm):
    """When more units of an item are bought by themselves."""

    level = WholeNumber("With fewer left than", low=0, high=MAX_RESTOCK)
    quantity = WholeNumber("Buy so many", low=1, high=MAX_RESTOCK)
    warehouse = SelectField("For this warehouse", coerce=int)
