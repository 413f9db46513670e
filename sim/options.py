"""Types of options that the commands of stand-ins, kit and shop share."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """Numbers within a range; `nan`, which every comparison lets through, is none of them, nor is `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Gives the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number
