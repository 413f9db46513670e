"""The photos of products, open to everybody; a photo's address changes with it, so browsers may keep it for good."""

from flask import Blueprint, Response, abort

from storefront.photos.queries import load_photo
from storefront.presentation import STATIC_SECONDS
from storefront.services import services

bp = Blueprint("photos", __name__)


@bp.get("/photos/<size>/<photo>.webp")
def show(size: str, photo: str) -> Response:
    """One photo."""
    with services().reader.connect() as connection:
        content = load_photo(connection, photo, size)
    if content is None:
        abort(404)
    answer = Response(content, mimetype="image/webp")
    answer.cache_control.public = True
    answer.cache_control.max_age = STATIC_SECONDS
    answer.cache_control.immutable = True
    return answer
