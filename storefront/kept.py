"""What somebody wrote into a form that cannot be taken any more, to be shown to them, so that nothing is lost.

Rules: only what one of our own pages has sent, which browsers say in Sec-Fetch-Site, since a page of somebody else's
could put words into our mouth; never a password or what no person has typed; so much and no more; always as text.
"""

from flask import request

MAX_FIELDS = 20
MAX_LETTERS = 5000
_UNSEEN = {"csrf_token", "password", "current", "ticket", "stamp", "seen", "request_id", "then", "check", "go", "back"}


def typed() -> list[tuple[str, str]]:
    """The names of the fields and what is in them; nothing if it is not surely from our own page."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        return []
    filled = [(name, value) for name, value in request.form.items(multi=True) if value.strip() and name not in _UNSEEN]
    return [(name.rpartition("-")[2].replace("_", " "), value[:MAX_LETTERS]) for name, value in filled[:MAX_FIELDS]]
