"""The pages of the address book."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from storefront.addresses import queries
from storefront.addresses.forms import AddressForm
from storefront.addresses.grid import draw_grid
from storefront.catalogue.stock import warehouse_places
from storefront.security import the_shopper
from storefront.services import services

bp = Blueprint("addresses", __name__, template_folder="templates")

_REFUSED = 422


@bp.get("/account/addresses")
@login_required
def index() -> str:
    """The book, and a form for one more."""
    return _page(AddressForm(formdata=None))


@bp.post("/account/addresses")
@login_required
def add() -> Response | tuple[str, int]:
    """Adds an address."""
    parts, form = services(), AddressForm()
    if not form.validate():
        return _page(form), _REFUSED
    try:
        with parts.engine.begin() as connection:
            queries.add(
                connection,
                the_shopper().user_id,
                label=form.label.data or "",
                x=form.x.number,
                y=form.y.number,
                make_default=form.make_default.data,
                now=parts.clock.now(),
            )
    except queries.BookFull as refusal:
        form.label.errors = [str(refusal)]
        return _page(form), _REFUSED
    flash("Added to your address book.", "success")
    return redirect(url_for("addresses.index"), 303)


@bp.get("/account/addresses/<id32:address_id>")
@login_required
def edit(address_id: int) -> str:
    """The form of one address."""
    one = _own(address_id)
    data = {"label": one.label, "x": one.x, "y": one.y, "make_default": one.is_default}
    return _page(AddressForm(formdata=None, data=data), one)


@bp.post("/account/addresses/<id32:address_id>")
@login_required
def change(address_id: int) -> Response | tuple[str, int]:
    """Changes an address."""
    form, one = AddressForm(), _own(address_id)
    if not form.validate():
        return _page(form, one), _REFUSED
    with services().engine.begin() as connection:
        queries.change(
            connection,
            the_shopper().user_id,
            address_id,
            label=form.label.data or "",
            x=form.x.number,
            y=form.y.number,
            make_default=form.make_default.data,
        )
    flash("Saved. Orders that are under way go where they were sent.", "success")
    return redirect(url_for("addresses.index"), 303)


@bp.post("/account/addresses/<id32:address_id>/default")
@login_required
def make_default(address_id: int) -> Response:
    """Suggests an address first from now on."""
    with services().engine.begin() as connection:
        if not queries.make_default(connection, the_shopper().user_id, address_id):
            abort(404)
    return redirect(url_for("addresses.index"), 303)


@bp.post("/account/addresses/<id32:address_id>/remove")
@login_required
def remove(address_id: int) -> Response:
    """Removes an address."""
    with services().engine.begin() as connection:
        if not queries.remove(connection, the_shopper().user_id, address_id):
            abort(404)
    flash("Removed.", "info")
    return redirect(url_for("addresses.index"), 303)


def _own(address_id: int) -> queries.AddressShown:
    with services().reader.connect() as connection:
        book = queries.book_of(connection, the_shopper().user_id)
    own = next((one for one in book if one.address_id == address_id), None)
    if own is None:
        abort(404)
    return own


def _page(form: AddressForm, edited: queries.AddressShown | None = None) -> str:
    with services().reader.connect() as connection:
        book = queries.book_of(connection, the_shopper().user_id)
        places = warehouse_places(connection)
    door = (form.x.data, form.y.data) if form.x.data is not None and form.y.data is not None else None
    return render_template(
        "addresses/book.html" if request.path == url_for("addresses.index") else "addresses/edit.html",
        book=book,
        form=form,
        edited=edited,
        map=draw_grid(places, [(one.label, one.x, one.y) for one in book], door),
    )
