"""Options and their types that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mesh.settings import parse_address

INT32 = range(-(2**31), 2**31)


class _Address(click.ParamType[str]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class _Place(click.ParamType[tuple[int, int]]):
    name = "X,Y"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        try:
            x, y = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not X,Y with two integers", param, ctx)
        if x not in INT32 or y not in INT32:
            self.fail(f"{value!r} is beyond the world's grid", param, ctx)
        return x, y


ADDRESS = _Address()
PLACE = _Place()

data_option: Callable[..., Any] = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The installation's folder.  [default: $MINIMART_DATA_DIR or var]",
)
orders_option: Callable[..., Any] = click.option(
    "--orders", type=ADDRESS, help="The orders service, where it is not the one of the data folder."
)
