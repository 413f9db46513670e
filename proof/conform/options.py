"""Types of options that both `minimart conform` commands take."""

from typing import Any

import click


class Place(click.ParamType[tuple[str, int]]):
    """HOST:PORT as (host, port)."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Gives host and port."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            self.fail(f"{value!r} is not {self.name} with a port within 0..65535", param, ctx)
        return host.strip("[]"), int(port)


PLACE = Place()
