"""A stand-in for the world simulator: `model` holds every rule, `shell` the two TCP ports."""

from sim.world.model import Quirks, Rules, WorldModel

__all__ = ["Quirks", "Rules", "WorldModel"]
