"""The forms of accounts."""

import re
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField, ValidationError

from storefront.accounts.passwords import MAX_LENGTH, MIN_LENGTH, is_common
from storefront.fields import Visible, is_invisible, one_line

MAX_EMAIL = 254
MAX_NAME = 80
MAX_UPS_ACCOUNT = 64

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f<>,;:\"\\]+@[^@\s\x00-\x1f\x7f<>,;:\"\\]+\.[^@\s.]+")


def valid_email(_form: Any, field: Any) -> None:
    """ValidationError: this cannot be an e-mail address."""
    text = field.data or ""
    if not text:
        raise ValidationError("Write your e-mail address.")
    if any(map(is_invisible, text)):
        raise ValidationError("There is a character in it that cannot be seen. Type the address rather than paste it.")
    if len(text) > MAX_EMAIL or not _EMAIL.fullmatch(text):
        raise ValidationError("Write an e-mail address, such as ann@example.org.")


def valid_password(_form: Any, field: Any) -> None:
    """ValidationError: too short, too long, or what everybody takes; what it is made of is the shopper's business."""
    length = len(field.data or "")
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise ValidationError(f"Choose a password of {MIN_LENGTH} to {MAX_LENGTH} characters.")
    if is_common(field.data):
        raise ValidationError("This is among the first passwords that anybody would try. Choose another one.")


class LoginForm(FlaskForm):
    """Who, and the proof. What is wrong with either is never said apart."""

    email = EmailField("E-mail", filters=[lambda text: (text or "").strip()])
    password = PasswordField("Password")


class RegisterForm(FlaskForm):
    """A new account."""

    display_name = StringField("Your name", filters=[one_line], validators=[Visible("your name", high=MAX_NAME)])
    email = EmailField("E-mail", filters=[lambda text: (text or "").strip()], validators=[valid_email])
    password = PasswordField("Password", validators=[valid_password])


class ForgotForm(FlaskForm):
    """Whose password is forgotten."""

    email = EmailField("E-mail", filters=[lambda text: (text or "").strip()], validators=[valid_email])


class NewPasswordForm(FlaskForm):
    """A password for whoever came by a link."""

    password = PasswordField("New password", validators=[valid_password])


class PasswordForm(FlaskForm):
    """Another password, and the proof."""

    current = PasswordField("Present password", id="password-current")
    password = PasswordField("New password", id="password-new", validators=[valid_password])


class EmailForm(FlaskForm):
    """Another address, and the proof."""

    email = EmailField("New e-mail", filters=[lambda text: (text or "").strip()], validators=[valid_email])
    current = PasswordField("Present password", id="email-current")


class CloseForm(FlaskForm):
    """The proof, before an account is closed."""

    current = PasswordField("Present password")


class ProfileForm(FlaskForm):
    """What a user shows of themselves."""

    display_name = StringField("Your name", filters=[one_line], validators=[Visible("your name", high=MAX_NAME)])
    ups_account = StringField(
        "UPS account (optional)",
        filters=[one_line],
        validators=[Visible("your account name at UPS", low=0, high=MAX_UPS_ACCOUNT)],
    )
    letters = BooleanField("Send me letters about my orders")
