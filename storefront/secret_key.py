"""The key that signs sessions and checkout tickets: made at the first start, readable by its owner only."""

import os
import secrets
import stat
import tempfile
from pathlib import Path

KEY_BYTES = 32


class SecretKeyError(Exception):
    """The key file cannot be used; the message says which file and why."""


def load_secret_key(path: Path) -> str:
    """The key in `path`, which is made (mode 0600) if it is missing; of several processes one makes it.

    SecretKeyError: it cannot be made or read, is open to others, or is too short to be one of ours.
    """
    try:
        if not path.exists():
            _make(path)
        mode, key = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretKeyError(f"cannot use the secret key file {path}: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretKeyError(f"the secret key file {path} is open to others: chmod 600 {path}")
    if len(key) < KEY_BYTES:
        raise SecretKeyError(f"the secret key file {path} holds less than {KEY_BYTES} characters")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first, and its file is whole
    finally:
        os.unlink(draft)
