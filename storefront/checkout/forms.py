"""The form of the checkout page."""

from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField

from storefront.accounts.forms import MAX_UPS_ACCOUNT
from storefront.addresses.forms import MAX_LABEL
from storefront.addresses.queries import AddressShown
from storefront.fields import INT32_MAX, INT32_MIN, Visible, WholeNumber, one_line
from storefront.presentation import told

ELSEWHERE = "elsewhere"


class CheckoutForm(FlaskForm):
    """Where to, for whom at UPS, and the ticket of the page. `address`: the id of one of the book, or ELSEWHERE."""

    ticket = HiddenField()
    address = StringField("Where to", default=ELSEWHERE)
    x = WholeNumber("Address x", low=INT32_MIN, high=INT32_MAX)
    y = WholeNumber("Address y", low=INT32_MIN, high=INT32_MAX)
    remember = BooleanField("Keep this place in my address book")
    label = StringField(
        "Name for this place", default="Home", filters=[one_line], validators=[Visible("a name", low=0, high=MAX_LABEL)]
    )
    ups_account = StringField(
        "UPS account (optional)",
        filters=[one_line],
        validators=[Visible("your account name at UPS", low=0, high=MAX_UPS_ACCOUNT)],
    )

    @property
    def is_elsewhere(self) -> bool:
        """Whether the place is the one that is written, and not one of the book."""
        return self.address.data in (ELSEWHERE, "", None)

    def validate_to(self, book: Sequence[AddressShown]) -> bool:
        """Whether it can be ordered like this; then x and y say where to, whatever was chosen."""
        if self.is_elsewhere:
            return bool(self.validate()) and self._has_name()
        chosen = next((one for one in book if str(one.address_id) == self.address.data), None)
        written = (self.x.typed, self.y.typed)
        if chosen is not None and any(text.strip() for text in written):
            words = "You chose {label}, and wrote another place too. Choose one of them."
            self.address.errors = [told(words, label=chosen.label)]
            return False
        if chosen is None:
            self.address.errors = ["This is not in your address book any more. Choose another place."]
            return False
        self.x.process(None, chosen.x)
        self.y.process(None, chosen.y)
        if self.validate():
            return True
        # The page shows what was chosen, not what was made of it.
        self.x.typed = self.y.typed = ""
        return False

    def _has_name(self) -> bool:
        if self.remember.data and not self.label.data:
            self.label.errors = ["Write a name for this place."]
            return False
        return True
