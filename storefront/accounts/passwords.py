"""Password hashes: argon2id with 19 MiB and two passes (OWASP's first choice of parameters).

Rules: checking takes the same work whether the account exists or not; at most HASHES_AT_ONCE hashes are made at a
time, so that a burst of log-ins costs waiting and not memory; never called inside a database transaction.
"""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

MIN_LENGTH = 8
MAX_LENGTH = 128
HASHES_AT_ONCE = 2


class Passwords:
    """Makes and checks hashes."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._slots = threading.BoundedSemaphore(HASHES_AT_ONCE)
        # Checked in place of the hash of an account that does not exist.
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The hash to store for `password`."""
        with self._slots:
            return self._hasher.hash(_normal(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` is the right one; never for an account without a hash."""
        with self._slots:
            try:
                matches = self._hasher.verify(password_hash or self._nobody, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def is_common(password: str) -> bool:
    """Whether it is one of the passwords that most people take, in whatever case."""
    return _normal(password).casefold() in _COMMON


_COMMON = frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH)


def _normal(password: str) -> str:
    # The same letters may be typed as one code point or as two.
    return unicodedata.normalize("NFC", password)
