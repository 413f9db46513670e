"""What the shop writes to people about their accounts. Pure."""

import secrets

from storefront.mail.outbox import Letter

_GOODBYE = "\n\nMinimart\n"


def reset(recipient: str, link: str) -> Letter:
    """The link that sets a new password."""
    return Letter(
        # Asked for twice, it is written twice: each has a link of its own.
        key=f"reset-{secrets.token_hex(12)}",
        recipient=recipient,
        subject="Your new password",
        body=(
            "Somebody, hopefully you, wants a new password for this address at Minimart.\n\n"
            f"Choose it here within the next hour:\n\n{link}\n\n"
            "If it was not you, there is nothing to do: without the link nobody can change anything." + _GOODBYE
        ),
    )


def password_changed(user_id: int, recipient: str, now: float) -> Letter:
    """The password is another one."""
    return Letter(
        key=f"password-changed-{user_id}-{now:.3f}",
        recipient=recipient,
        subject="Your password was changed",
        body=(
            "The password of your account at Minimart was changed, and you were logged out everywhere else.\n\n"
            'If it was not you, ask for a new one with "Forgot your password?" at once.' + _GOODBYE
        ),
    )


def address_notices(user_id: int) -> str:
    """What the keys of all notices to somebody's earlier addresses begin with."""
    return f"email-changed-{user_id}-"


def email_changed(user_id: int, recipient: str, new_email: str, now: float) -> Letter:
    """To the old address: there is another one now."""
    return Letter(
        key=f"{address_notices(user_id)}{now:.3f}",
        recipient=recipient,
        subject="Your e-mail address was changed",
        body=(
            f"Your account at Minimart has another e-mail address now: {new_email}\n\n"
            "Letters go there from now on. If it was not you, write to us at once." + _GOODBYE
        ),
    )
