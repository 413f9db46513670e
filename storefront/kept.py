"""What somebody wrote into a form that cannot be taken any more, to be shown to them, so that nothing is lost.

Rules: only what one of our own pages has sent, which browsers say in Sec-Fetch-Site, since a page of somebody else's
could put words into our mouth; never a password or what no person has typed; so much and no more; always as text.
"""

from collections.abc import Mapping

from flask import request
from flask_wtf import FlaskForm
from wtforms.fields.core import UnboundField

MAX_FIELDS = 20
MAX_LETTERS = 5000
_UNSEEN = {
    *("csrf_token", "password", "current", "ticket", "stamp", "seen", "request_id", "then", "check", "go", "back"),
    *("address", "offer_id", "chosen", "shown"),
}


def typed() -> list[tuple[str, str]]:
    """What the fields are called and what is in them; nothing if it is not surely from our own page."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        return []
    # Two forms on one page are told apart by what stands before the dash.
    sent = [(name.rpartition("-")[2], value) for name, value in request.form.items(multi=True)]
    labels = _labels({name for name, _ in sent})
    filled = [(name, value) for name, value in sent if value.strip() and name not in _UNSEEN]
    return [(labels.get(name, name.replace("_", " ")), value[:MAX_LETTERS]) for name, value in filled[:MAX_FIELDS]]


def _labels(names: set[str]) -> Mapping[str, str]:
    """What the fields are called in the form that has most of these."""
    forms: list[type[FlaskForm]] = [FlaskForm]
    for form in forms:
        forms.extend(form.__subclasses__())
    form = max(forms, key=lambda one: len(names.intersection(dir(one))))
    fields = ((name, getattr(form, name)) for name in names.intersection(dir(form)))
    return {name: field.args[0] for name, field in fields if isinstance(field, UnboundField) and field.args}
