"""How long things take, and where a truck is on its way.

Pure formulas; durations come out in seconds, as `minutes * 60` of the real program's own reckoning. Its clamps hold
everywhere: next to nothing is nothing, and no leg or pack takes longer than 50000 minutes.
"""

import math

from sim.world.model import texts
from sim.world.model.refusal import Refused

_LONGEST = 50_000.0
_SHORTEST = 0.00005


def _seconds(minutes: float) -> float:
    if minutes < _SHORTEST:
        return 0.0
    return min(minutes, _LONGEST) * 60.0


def pack_seconds(entries: int, simspeed: int) -> float:
    """Half a minute for each entry of `things`, divided by whole minutes of speed; below speed 60 that is "never".

    Raises `Refused` for nothing to pack below speed 60 (the real program divides zero by zero).
    """
    speed = simspeed // 60
    if speed == 0:
        if entries == 0:
            raise Refused(texts.E7_NAN)
        return _seconds(math.inf)
    return _seconds(0.5 * entries / speed)


def load_seconds(simspeed: int) -> float:
    """One minute up to speed 119, nothing from 120; below 60 (where the real program dies) as good as never."""
    speed = simspeed // 60
    return _seconds(float(1 // speed)) if speed else _seconds(math.inf)


def drive_seconds(distance: int, simspeed: int) -> float:
    """`simspeed` units a second, rounded to hundredths of a minute.

    Raises `Refused` for no distance at speed 0.
    """
    if simspeed == 0:
        if distance == 0:
            raise Refused(texts.E7_NAN)
        return _seconds(math.inf)
    return _seconds(math.floor(100.0 * distance / (60.0 * simspeed) + 0.5) / 100.0)


def distance(from_x: int, from_y: int, to_x: int, to_y: int) -> int:
    """Along the grid: abs(dx) + abs(dy)."""
    return abs(to_x - from_x) + abs(to_y - from_y)


def position(start: tuple[int, int], target: tuple[int, int], fraction: float) -> tuple[int, int]:
    """Where a truck is after `fraction` of its time: along x first, then along y, beyond the target when overdue."""
    dx, dy = target[0] - start[0], target[1] - start[1]
    moved = (abs(dx) + abs(dy)) * fraction
    if moved < abs(dx) or dy == 0:
        return start[0] + _towards(dx, moved), start[1]
    return target[0], start[1] + _towards(dy, moved - abs(dx))


def _towards(difference: int, way: float) -> int:
    return int(math.copysign(way, difference)) if difference else 0
