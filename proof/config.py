"""What measurements hand on of their own environment."""

import os


def inherited() -> dict[str, str]:
    """The environment of the processes that are measured, before their own settings."""
    return dict(os.environ)
