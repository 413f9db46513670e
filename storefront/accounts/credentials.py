"""The pages of passwords, of the e-mail address, and of where somebody is logged in.

Rules: whoever changes either proves that they know the password; both are told to the address that was there before;
whether an address has an account is not told by a request for a new password, not even by the time it takes.
"""

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response as AnyResponse

from db.shop.audit import SecurityEvent
from storefront.accounts import letters, queries, resets, sessions
from storefront.accounts.forms import EmailForm, ForgotForm, NewPasswordForm, PasswordForm
from storefront.audit.noting import note, note_try
from storefront.audit.queries import recent
from storefront.mail import outbox
from storefront.security import (
    account_in_form,
    begin_session,
    limiter,
    of_shopper_or_address,
    public_url,
    the_shopper,
)
from storefront.services import services

bp = Blueprint("credentials", __name__, template_folder="templates")

_REFUSED = 422
_WRONG = "This is not your password."
MAX_TOKEN = 64
NOTES_SHOWN = 10


def _was_refused(response: Response) -> bool:
    return response.status_code == _REFUSED


_proofs = limiter.shared_limit(
    lambda: services().settings.storefront_login_limit_account,
    scope="proof",
    key_func=of_shopper_or_address,
    deduct_when=_was_refused,
)


@bp.get("/account/security")
@login_required
def security() -> str:
    """The forms for a new password and another address, and the sessions."""
    return _page(PasswordForm(formdata=None), EmailForm(formdata=None))


@bp.post("/account/password")
@_proofs
@login_required
def change_password() -> AnyResponse | tuple[str, int]:
    """Sets a new password; every other session ends."""
    parts, form, shopper = services(), PasswordForm(), the_shopper()
    if not (form.validate() and _proves(form)):
        return _page(form, EmailForm(formdata=None)), _REFUSED
    password_hash = parts.passwords.hash(form.password.data or "")
    now = parts.clock.now()
    with parts.engine.begin() as connection:
        resets.set_password(connection, shopper.user_id, password_hash)
        outbox.write(connection, letters.password_changed(shopper.user_id, shopper.email, now), now)
        note(connection, SecurityEvent.PASSWORD_CHANGED, shopper.user_id)
    begin_session(shopper.user_id, SecurityEvent.SESSIONS_ENDED)
    flash("Your password is changed. You are logged out everywhere else.", "success")
    return redirect(url_for("credentials.security"), 303)


@bp.post("/account/email")
@_proofs
@login_required
def change_email() -> AnyResponse | tuple[str, int]:
    """Sets another address, and tells the old one."""
    parts, form, shopper = services(), EmailForm(), the_shopper()
    if not (form.validate() and _proves(form)):
        return _page(PasswordForm(formdata=None), form), _REFUSED
    email, now = form.email.data or "", parts.clock.now()
    try:
        with parts.engine.begin() as connection:
            queries.change_email(connection, shopper.user_id, email)
            notices = letters.address_notices(shopper.user_id)
            outbox.readdress(connection, shopper.email, email.strip(), notices)
            outbox.write(connection, letters.email_changed(shopper.user_id, shopper.email, email, now), now)
            note(connection, SecurityEvent.EMAIL_CHANGED, shopper.user_id)
    except queries.EmailTaken:
        form.email.errors = ["There is another account with this address."]
        return _page(PasswordForm(formdata=None), form), _REFUSED
    flash("Your e-mail address is changed.", "success")
    return redirect(url_for("credentials.security"), 303)


@bp.post("/account/sessions/end")
@login_required
def end_others() -> AnyResponse:
    """Logs this shopper out everywhere else."""
    shopper = the_shopper()
    with services().engine.begin() as connection:
        sessions.end_all(connection, shopper.user_id)
    begin_session(shopper.user_id, SecurityEvent.SESSIONS_ENDED)
    flash("You are logged out everywhere else.", "success")
    return redirect(url_for("credentials.security"), 303)


@bp.get("/password/forgot")
def forgot() -> str:
    """The form that asks for a link."""
    return render_template("accounts/forgot.html", form=ForgotForm(formdata=None), sent_to="")


@bp.post("/password/forgot")
@limiter.limit(lambda: services().settings.storefront_reset_limit_account, key_func=account_in_form)
@limiter.limit(lambda: services().settings.storefront_reset_limit_address)
def send_link() -> str | tuple[str, int]:
    """Sends a link to whoever has the address; says the same if nobody has."""
    parts, form = services(), ForgotForm()
    if not form.validate():
        return render_template("accounts/forgot.html", form=form, sent_to=""), _REFUSED
    now, email = parts.clock.now(), form.email.data or ""
    with parts.engine.begin() as connection:
        given = resets.give_link(connection, email, now)
        token, recipient = (given.token, given.recipient) if given else ("", email)
        link = public_url(url_for("credentials.choose", token=token or "none"))
        outbox.write(connection, letters.reset(recipient, link), now, nobody=given is None)
        # For an address that nobody has, too: the time it takes tells nothing.
        note(connection, SecurityEvent.RESET_ASKED, given.user_id if given else None)
    return render_template("accounts/forgot.html", form=form, sent_to=email)


@bp.get("/password/reset/<token>")
def choose(token: str) -> str | tuple[str, int]:
    """The form for a new password, for whoever has the link."""
    return _reset_page(token, NewPasswordForm(formdata=None))


@bp.post("/password/reset/<token>")
@limiter.limit(lambda: services().settings.storefront_login_limit_address, deduct_when=_was_refused)
def reset(token: str) -> AnyResponse | str | tuple[str, int]:
    """Sets the new password and logs its owner in."""
    parts, form = services(), NewPasswordForm()
    if not form.validate():
        page = _reset_page(token, form)
        return page if isinstance(page, tuple) else (page, _REFUSED)
    password_hash = parts.passwords.hash(form.password.data or "")
    now = parts.clock.now()
    with parts.engine.begin() as connection:
        user_id = resets.use_link(connection, token[:MAX_TOKEN], password_hash, now)
        email = queries.email_of(connection, user_id) if user_id is not None else ""
        if user_id is not None:
            outbox.write(connection, letters.password_changed(user_id, email, now), now)
            note(connection, SecurityEvent.PASSWORD_RESET, user_id)
    if user_id is None:
        return _reset_page(token, form)
    begin_session(user_id, SecurityEvent.LOGGED_IN)
    flash("Your new password is set, and you are logged in.", "success")
    return redirect(url_for("catalogue.home"), 303)


def _reset_page(token: str, form: NewPasswordForm) -> str | tuple[str, int]:
    parts = services()
    with parts.reader.connect() as connection:
        user_id = resets.owner_of(connection, token[:MAX_TOKEN], parts.clock.now())
    page = render_template("accounts/reset.html", form=form, is_good=user_id is not None)
    return page if user_id is not None else (page, 404)


def _proves(form: PasswordForm | EmailForm) -> bool:
    """Whether the current password in the form is the right one; says so beside it if not."""
    parts = services()
    with parts.reader.connect() as connection:
        found = queries.find_credentials(connection, the_shopper().email)
    if parts.passwords.verify(found.password_hash if found else None, (form.current.data or "")[:1024]):
        return True
    note_try(SecurityEvent.PROOF_FAILED, the_shopper().user_id)
    form.current.errors = [_WRONG]
    return False


def _page(password: PasswordForm, email: EmailForm) -> str:
    parts, shopper = services(), the_shopper()
    with parts.reader.connect() as connection:
        shown = sessions.sessions_of(connection, shopper.user_id, shopper.token, parts.clock.now())
        notes = recent(connection, shopper.user_id, NOTES_SHOWN)
    return render_template("accounts/security.html", password=password, email=email, sessions=shown, notes=notes)
