"""The pages of the catalogue, open to everybody: home, lists, suggestions, a product, its picture; and favourites."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response as AnyResponse

from storefront import pictures
from storefront.catalogue import favourites as marks
from storefront.catalogue import listing, queries
from storefront.catalogue.search import SORT_WORDS, Search, Sort, read_question, read_search
from storefront.fields import WholeNumber
from storefront.presentation import told
from storefront.reviews.queries import NO_OPINIONS, NO_TIE, opinions_of, tie_of
from storefront.security import current_shopper, limiter, of_shopper_or_address, the_shopper
from storefront.services import services

bp = Blueprint("catalogue", __name__, template_folder="templates")

SHOWN_AT_HOME = 8
SUGGESTED = 6
PICTURE_SECONDS = 24 * 3600

_search_limit = limiter.shared_limit(
    lambda: services().settings.storefront_search_limit,
    scope="search",
    key_func=of_shopper_or_address,
    exempt_when=lambda: not request.args.get("q"),
)


@bp.get("/")
def home() -> str:
    """The way in: shelves, what is new, and what sells best."""
    with services().reader.connect() as connection:
        shelves = queries.shelves(connection)
        newest = listing.newest(connection, SHOWN_AT_HOME)
        selling = listing.best_selling(connection, SHOWN_AT_HOME)
        cards = {one.product_id: one for one in queries.cards_of(connection, [*dict.fromkeys([*newest, *selling])])}
    return render_template(
        "catalogue/home.html",
        shelves=shelves,
        newest=[cards[one] for one in newest if one in cards],
        selling=[cards[one] for one in selling if one in cards],
        search=Search(),
    )


@bp.get("/products")
@_search_limit
def products() -> str:
    """Search results, or a shelf, or everything. 404: there is no such shelf or seller."""
    search = read_search(request.args)
    with services().reader.connect() as connection:
        shelves = queries.shelves(connection)
        sellers = queries.sellers(connection, search.seller_id)
        shelf = next((one for one in shelves if one.slug == search.category), None)
        seller = next((name for seller_id, name in sellers if seller_id == search.seller_id), None)
        if (search.category and shelf is None) or (search.seller_id and seller is None):
            abort(404)
        found = queries.find_products(connection, search)
    return render_template(
        "catalogue/products.html",
        search=search,
        shelves=shelves,
        shelf=shelf,
        sellers=sellers,
        seller=seller,
        found=found,
        sorts={sort: words for sort, words in SORT_WORDS.items() if search.question or sort is not Sort.BEST},
        page_link=lambda number: url_for("catalogue.products", **search.arguments(page=number)),
    )


@bp.get("/search/suggestions")
@_search_limit
def suggestions() -> str:
    """What the search field offers while somebody types: a part of a page."""
    search = Search(question=read_question(request.args.get("q", "")), sort=Sort.BEST)
    found = None
    if search.words:
        with services().reader.connect() as connection:
            found = queries.find_products(connection, search, SUGGESTED)
    return render_template("catalogue/suggestions.html", search=search, found=found)


@bp.get("/products/<id32:product_id>")
def product(product_id: int) -> str:
    """One product: its offers, their sellers, their stock, and what buyers think."""
    return product_page(product_id)


def product_page(product_id: int, wrong: tuple[int, WholeNumber] | None = None) -> str:
    """The same; `wrong`: the offer of which so many units cannot be had, and the field that says so."""
    shopper = current_shopper()
    with services().reader.connect() as connection:
        shown = queries.show_product(connection, product_id)
        if shown is None:
            abort(404)
        page = request.args.get("reviews", 1, type=int)
        opinions = opinions_of(connection, product_id, page) if shown.stars.reviews else NO_OPINIONS
        tie = tie_of(connection, shopper.user_id, product_id) if shopper else NO_TIE
    return render_template(
        "catalogue/product.html",
        product=shown,
        wrong_offer=wrong[0] if wrong else None,
        wrong_field=wrong[1] if wrong else None,
        opinions=opinions,
        tie=tie,
        page_link=lambda number: url_for("catalogue.product", product_id=product_id, reviews=number, _anchor="reviews"),
    )


@bp.get("/favourites")
@login_required
def favourites() -> str:
    """What this shopper wants to find again."""
    with services().reader.connect() as connection:
        ids = queries.favourite_ids(connection, the_shopper().user_id)
        cards = queries.cards_of(connection, ids)
    return render_template("catalogue/favourites.html", cards=cards)


@bp.post("/favourites/<id32:product_id>")
@login_required
def mark(product_id: int) -> AnyResponse:
    """Marks a product as a favourite."""
    parts = services()
    with parts.engine.begin() as connection:
        if not marks.mark(connection, the_shopper().user_id, product_id, parts.clock.now()):
            words = "You have {most} favourites, which is as many as can be."
            flash(told(words, most=queries.MAX_FAVOURITES), "warning")
    return redirect(url_for("catalogue.product", product_id=product_id), 303)


@bp.post("/favourites/<id32:product_id>/remove")
@login_required
def unmark(product_id: int) -> AnyResponse:
    """A product is a favourite no longer."""
    with services().engine.begin() as connection:
        marks.unmark(connection, the_shopper().user_id, product_id)
    to_list = request.form.get("back") == "list"
    return redirect(
        url_for("catalogue.favourites") if to_list else url_for("catalogue.product", product_id=product_id), 303
    )


@bp.get("/pictures/<name>.svg")
def picture(name: str) -> Response:
    """A picture that the shop draws."""
    try:
        answer = Response(pictures.draw(name), mimetype="image/svg+xml")
    except pictures.UnknownPicture:
        abort(404)
    answer.cache_control.public = True
    answer.cache_control.max_age = PICTURE_SECONDS
    return answer
