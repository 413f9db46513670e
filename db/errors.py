"""Why a database cannot be used: errors that a process shows as one line when it starts.

Rules: the message is made from the fields and is one line; no password is in
it, whatever the driver wrote.
"""

from sqlalchemy import Engine
from sqlalchemy.engine import URL

MAX_DETAIL = 300


class DatabaseNotUsable(Exception):
    """The database cannot be used as it is. `target` is its URL without the password."""

    def __init__(self, target: str, detail: str) -> None:
        self.target = target
        self.detail = detail
        super().__init__(f"{self.what()} {target}: {detail}")

    def what(self) -> str:
        """What happened, in the words that stand before the target."""
        return "cannot use the database"


class WrongDatabaseUrl(ValueError):
    """The setting itself is wrong, whatever is running; the message does not repeat it."""


class DatabaseUnreachable(DatabaseNotUsable):
    """Nobody answered, or the answer was no: wrong address, password, name or file."""

    def what(self) -> str:
        """What happened, in the words that stand before the target."""
        return "cannot reach the database"


class DatabaseBusy(DatabaseNotUsable):
    """Somebody else kept a lock for longer than we wait; trying again may help."""

    def what(self) -> str:
        """What happened, in the words that stand before the target."""
        return "somebody else holds the database"


class DatabaseTooNew(DatabaseNotUsable):
    """A newer version of this program migrated it; `found` is its revision, `known` our latest."""

    def __init__(self, target: str, found: str, known: str) -> None:
        self.found = found
        self.known = known
        super().__init__(target, f"it is at revision {found}, this program knows revisions up to {known}; upgrade it")

    def what(self) -> str:
        """What happened, in the words that stand before the target."""
        return "a newer version of the program has migrated the database"


class MigrationFailed(DatabaseNotUsable):
    """A migration was refused by the database and has been rolled back as a whole."""

    def what(self) -> str:
        """What happened, in the words that stand before the target."""
        return "cannot migrate the database"


def target_of(engine: Engine) -> str:
    """The engine's URL for people: without the password."""
    return engine.url.render_as_string(hide_password=True)


def one_line(error: BaseException, url: URL) -> str:
    """What the driver said, as one line without the password of `url`."""
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    if url.password:
        words = words.replace(str(url.password), "***")
    return words[:MAX_DETAIL]
