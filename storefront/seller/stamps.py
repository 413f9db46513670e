"""Stamps of the form for a new item: when, by the server's clock, and for whom it was made.

The time becomes the item's `created_at`, and a seller has one item per stamp: pressing twice adds one.
"""

import hashlib

from itsdangerous import BadSignature, URLSafeSerializer


class BadStamp(Exception):
    """Not a stamp of ours, or not this seller's."""


class StampOffice:
    """Makes stamps and reads them back."""

    def __init__(self, secret_key: str) -> None:
        self._serializer = URLSafeSerializer(
            secret_key, salt="new-item-form", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def write(self, seller_id: int, now: float) -> str:
        """A stamp as text for a form."""
        text = self._serializer.dumps([seller_id, now])
        return text if isinstance(text, str) else text.decode("ascii")

    def read(self, text: str, seller_id: int) -> float:
        """The time in a stamp. BadStamp: it was changed, is not ours, or belongs to another seller."""
        try:
            owner, made_at = self._serializer.loads(text)
        except BadSignature:
            raise BadStamp from None
        if owner != seller_id:
            raise BadStamp
        return float(made_at)
