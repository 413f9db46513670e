"""The form of staff: what they do about a parcel, and why."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Regexp

from storefront.fields import Visible, one_line

MAX_NOTE = 200


class RemedyForm(FlaskForm):
    """Why, in a few words. The request_id makes pressing twice one thing done."""

    request_id = HiddenField(validators=[Regexp(r"\A[A-Za-z0-9_-]{8,64}\Z")])
    note = StringField("Why (may stay empty)", filters=[one_line], validators=[Visible("a note", low=0, high=MAX_NOTE)])
