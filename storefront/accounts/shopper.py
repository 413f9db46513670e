"""Whoever looks at a page: a shopper who is logged in, as Flask-Login wants one."""

from dataclasses import dataclass

from flask_login import UserMixin


@dataclass(frozen=True, eq=False)
class Shopper(UserMixin):
    """A logged-in user, with what every page shows of them. `seen_at`: when their session was last noted as used."""

    user_id: int
    email: str
    display_name: str
    is_seller: bool
    is_staff: bool
    ups_account: str
    cart_id: int | None
    cart_units: int
    seen_at: float
    token: str

    def get_id(self) -> str:
        """What the session's cookie holds: the secret that `storefront.accounts.sessions` gave out."""
        return self.token
