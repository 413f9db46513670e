"""Whoever looks at a page: a shopper who is logged in, as Flask-Login wants one."""

import hashlib
from dataclasses import dataclass

from flask_login import UserMixin


@dataclass(frozen=True, eq=False)
class Shopper(UserMixin):
    """A logged-in user, with what every page shows of them."""

    user_id: int
    email: str
    display_name: str
    is_seller: bool
    ups_account: str
    cart_units: int
    stamp: str

    def get_id(self) -> str:
        """What the session holds: a new password makes all older sessions worthless."""
        return f"{self.user_id}.{self.stamp}"


def stamp_of(password_hash: str) -> str:
    """A mark that changes with the password and does not tell its hash."""
    return hashlib.sha256(f"session:{password_hash}".encode()).hexdigest()[:16]
