"""The pages of the catalogue, open to everybody: home, lists, a product, its picture."""

from flask import Blueprint, Response, abort, render_template, request, url_for

from storefront import pictures
from storefront.catalogue import queries
from storefront.catalogue.search import SORT_WORDS, Search, Sort, read_search
from storefront.services import services

bp = Blueprint("catalogue", __name__, template_folder="templates")

NEWEST_SHOWN = 8
PICTURE_SECONDS = 24 * 3600


@bp.get("/")
def home() -> str:
    """The way in: shelves, and what is new."""
    with services().reader.connect() as connection:
        shelves = queries.shelves(connection)
        newest = queries.find_products(connection, Search(), NEWEST_SHOWN)
    return render_template("catalogue/home.html", shelves=shelves, newest=newest, search=Search())


@bp.get("/products")
def products() -> str:
    """Search results, or a shelf, or everything. 404: there is no such shelf."""
    search = read_search(request.args)
    with services().reader.connect() as connection:
        shelves = queries.shelves(connection)
        shelf = next((one for one in shelves if one.slug == search.category), None)
        if search.category and shelf is None:
            abort(404)
        found = queries.find_products(connection, search)
    return render_template(
        "catalogue/products.html",
        search=search,
        shelves=shelves,
        shelf=shelf,
        found=found,
        sorts={sort: words for sort, words in SORT_WORDS.items() if search.question or sort is not Sort.BEST},
        page_link=lambda number: url_for("catalogue.products", **search.arguments(page=number)),
    )


@bp.get("/products/<id32:product_id>")
def product(product_id: int) -> str:
    """One product: its offers, their sellers, their stock."""
    with services().reader.connect() as connection:
        shown = queries.show_product(connection, product_id)
    if shown is None:
        abort(404)
    return render_template("catalogue/product.html", product=shown)


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
