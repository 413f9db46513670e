"""The form of a review."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import TextAreaField, ValidationError

from storefront.fields import Visible, WholeNumber

MAX_WORDS = 2000
STARS = {5: "excellent", 4: "good", 3: "fine", 2: "poor", 1: "bad"}


def chosen(_form: Any, field: Any) -> None:
    """ValidationError: no stars were chosen."""
    if field.data is None:
        raise ValidationError("Choose from one to five stars.")


class ReviewForm(FlaskForm):
    """So many stars, and why."""

    stars = WholeNumber("Stars", low=min(STARS), high=max(STARS), validators=[chosen])
    words = TextAreaField(
        "In your words (optional)", validators=[Visible("what you think", low=0, high=MAX_WORDS, lines=True)]
    )
