"""What became of an item while a form of it was open, in another window or by a table.

Rules: a form carries a digest of each value that it was made with, so nothing has to be kept; what it would undo is
told beside the field, and takes its place there where nobody touched the field, so that saving once more undoes nothing
by accident. A picture is only ever changed on purpose, so none is compared.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from storefront.presentation import isolated, money
from storefront.seller.forms import EditForm, TermsForm
from storefront.seller.queries import ItemText, OwnItem

Values = Mapping[str, Any]


def values_of(own: OwnItem, text: ItemText) -> Values:
    """What a form to change the item is made with, by field."""
    terms: Values = {"price_cents": own.price_cents, "allow_backorder": own.allow_backorder}
    if not text.is_creator:
        return terms
    return {"title": own.title, "description": text.description, "category": text.category_id, **terms}


def note_seen(form: TermsForm, values: Values) -> None:
    """The form was made with these."""
    form.seen.data = " ".join(f"{name}={_digest(value)}" for name, value in values.items())


def tell_changes(form: TermsForm, values: Values) -> bool:
    """Whether saving a valid form would undo what was changed since it was made; what that is then stands in it."""
    seen = dict(one.partition("=")[::2] for one in (form.seen.data or "").split())
    found = False
    for name, value in values.items():
        field, now = form[name], _digest(value)
        if now in (seen.get(name), _digest(field.data)):
            continue
        found = True
        field.errors = [f"Changed elsewhere meanwhile: {_words(form, name, value)}."]
        if _digest(field.data) == seen.get(name):
            field.process_data(value)
    note_seen(form, values)
    return found


def _digest(value: Any) -> str:
    # Browsers send lines with an end of their own.
    text = "\n".join(str(value).strip().splitlines())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _words(form: TermsForm, name: str, value: Any) -> str:
    match name:
        case "price_cents":
            return f"it is {money(value)} now"
        case "allow_backorder":
            return "it is ticked now" if value else "it is not ticked now"
        case "category" if isinstance(form, EditForm):
            return f"it is “{dict(form.category.choices)[value]}” now"
        case _:
            return f"it is “{isolated(str(value))}” now"
