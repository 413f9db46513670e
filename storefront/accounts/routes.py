"""The pages of accounts: register, log in, log out, profile.

Rules: a wrong address and a wrong password get the same words and cost the same time; hashing happens outside of
transactions; failed log-ins are counted per account and per address.
"""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response as AnyResponse

from db.shop.audit import SecurityEvent
from storefront.accounts import queries
from storefront.accounts.forms import LoginForm, ProfileForm, RegisterForm
from storefront.audit.noting import note_try
from storefront.cart.basket import bring_guest_cart
from storefront.presentation import told
from storefront.security import (
    account_from_address,
    account_in_form,
    begin_session,
    current_shopper,
    end_session,
    limiter,
    safe_next,
    the_shopper,
)
from storefront.services import services

bp = Blueprint("accounts", __name__, template_folder="templates")

WRONG = "The e-mail address or the password is wrong."
_REFUSED = 422


def _was_refused(response: Response) -> bool:
    return response.status_code == _REFUSED


@bp.get("/login")
def login() -> str | AnyResponse:
    """The log-in form; whoever is logged in goes on at once."""
    if current_shopper():
        return redirect(_onward(), 303)
    return render_template("accounts/login.html", form=LoginForm(formdata=None))


@bp.post("/login")
@limiter.limit(
    lambda: services().settings.storefront_login_limit_account, key_func=account_from_address, deduct_when=_was_refused
)
@limiter.limit(
    lambda: services().settings.storefront_login_limit_everywhere, key_func=account_in_form, deduct_when=_was_refused
)
@limiter.limit(lambda: services().settings.storefront_login_limit_address, deduct_when=_was_refused)
def log_in() -> AnyResponse | tuple[str, int]:
    """Checks who it is and starts a session."""
    parts, form = services(), LoginForm()
    email, password = form.email.data or "", form.password.data or ""
    with parts.reader.connect() as connection:
        found = queries.find_credentials(connection, email)
    password_hash = found.password_hash if found else None
    if not parts.passwords.verify(password_hash, password[:1024]) or found is None or password_hash is None:
        # The same work whether the account exists or not.
        note_try(SecurityEvent.LOGIN_FAILED, found.user_id if found else None, about=account_in_form())
        form.password.errors = [WRONG]
        return render_template("accounts/login.html", form=form), _REFUSED
    if parts.passwords.is_outdated(password_hash):
        fresh = parts.passwords.hash(password)
        with parts.engine.begin() as connection:
            queries.replace_hash(connection, found.user_id, password_hash, fresh)
    begin_session(found.user_id, SecurityEvent.LOGGED_IN)
    return redirect(_onward(filled=bring_guest_cart(found.user_id)), 303)


@bp.get("/register")
def register() -> str | AnyResponse:
    """The form for a new account."""
    if current_shopper():
        return redirect(_onward(), 303)
    return render_template("accounts/register.html", form=RegisterForm(formdata=None))


@bp.post("/register")
@limiter.limit(lambda: services().settings.storefront_register_limit)
def create() -> AnyResponse | tuple[str, int]:
    """Makes an account and logs it in."""
    parts, form = services(), RegisterForm()
    if not form.validate():
        return render_template("accounts/register.html", form=form), _REFUSED
    password_hash = parts.passwords.hash(form.password.data or "")
    try:
        with parts.engine.begin() as connection:
            user_id = queries.create_account(
                connection,
                email=form.email.data or "",
                display_name=form.display_name.data or "",
                password_hash=password_hash,
                now=parts.clock.now(),
            )
    except queries.EmailTaken:
        form.email.errors = ["There is an account with this address already. Log in instead?"]
        return render_template("accounts/register.html", form=form), _REFUSED
    begin_session(user_id, SecurityEvent.REGISTERED)
    flash(told("Welcome, {name}.", name=form.display_name.data or ""), "success")
    return redirect(_onward(filled=bring_guest_cart(user_id)), 303)


@bp.post("/logout")
def log_out() -> AnyResponse:
    """Ends the session."""
    end_session()
    flash("You are logged out.", "info")
    return redirect(url_for("catalogue.home"), 303)


@bp.get("/account")
@login_required
def profile() -> str:
    """The profile form."""
    shopper = the_shopper()
    with services().reader.connect() as connection:
        letters = queries.wants_letters(connection, shopper.user_id)
    form = ProfileForm(formdata=None, obj=shopper, data={"letters": letters})
    return render_template("accounts/profile.html", form=form)


@bp.post("/account")
@login_required
def change_profile() -> AnyResponse | tuple[str, int]:
    """Changes the profile."""
    parts, form, shopper = services(), ProfileForm(), the_shopper()
    if not form.validate():
        return render_template("accounts/profile.html", form=form), _REFUSED
    with parts.engine.begin() as connection:
        queries.change_profile(
            connection,
            shopper.user_id,
            display_name=form.display_name.data or "",
            ups_account=form.ups_account.data or "",
            letters=bool(form.letters.data),
            now=parts.clock.now(),
        )
    flash("Saved.", "success")
    return redirect(url_for("accounts.profile"), 303)


def _onward(*, filled: bool = False) -> str:
    return safe_next(request.args.get("next")) or url_for("cart.show" if filled else "catalogue.home")
