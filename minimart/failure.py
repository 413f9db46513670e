"""How a command fails: one line and an exit code, never a traceback."""

import click


class Failure(click.ClickException):
    """It was told right, and it did not work out: one line on stderr, exit code 1."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Wrong(Failure):
    """It was told something impossible, or cannot start as told: one line on stderr, exit code 2."""

    exit_code = 2
