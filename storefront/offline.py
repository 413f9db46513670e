"""What a browser shows without a network: a page that it keeps, and the worker that shows it.

The worker answers nothing but navigations that failed, and the style sheets that this page needs; it keeps no page of a
shopper.
"""

import hashlib

from flask import Blueprint, Response, g, render_template

from storefront.presentation import SHEETS

bp = Blueprint("offline", __name__)


@bp.get("/offline")
def show() -> str:
    """The page that is shown without a network."""
    # It is kept by browsers: nothing of whoever looks may be on it.
    g.without_shopper = True
    return render_template("offline.html")


@bp.get("/worker.js")
def worker() -> Response:
    """The script that keeps the page and shows it; from the root, since it is for all pages."""
    page = render_template("offline.html")
    script = render_template("worker.js", sheets=SHEETS, version=hashlib.sha256(page.encode()).hexdigest()[:12])
    answer = Response(script, mimetype="text/javascript")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
