"""What the seller's forms offer to choose from, and what they say once they are valid."""

from storefront.catalogue.stock import warehouses
from storefront.seller import editing, queries
from storefront.seller.forms import NOT_CHOSEN, EditForm, OfferForm, ReorderForm, RestockForm, TermsForm
from storefront.services import services


def offer_shelves(form: EditForm) -> None:
    """Fills the shelves in."""
    with services().reader.connect() as connection:
        form.category.choices = [(NOT_CHOSEN, "Choose a shelf"), *queries.categories(connection)]


def offer_warehouses(form: OfferForm | RestockForm | ReorderForm) -> None:
    """Fills the warehouses in, or says that there are none yet."""
    with services().reader.connect() as connection:
        form.warehouse.choices = warehouses(connection)
    if not form.warehouse.choices:
        form.warehouse.errors = ["The warehouses are not known yet. Try again in a moment."]


def text_in(form: EditForm) -> editing.Text:
    """What is written about a product."""
    return editing.Text(form.title.data or "", (form.description.data or "").strip(), form.category.data)


def terms_in(form: TermsForm) -> editing.Terms:
    """How it is sold."""
    return editing.Terms(form.price_cents.cents, bool(form.allow_backorder.data))
