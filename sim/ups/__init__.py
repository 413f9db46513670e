"""A stand-in for the UPS team's server: `model` holds every rule, `shell` the two TCP connections."""

from sim.ups.model import FEATURES, Faults, Settings, UpsModel

__all__ = ["FEATURES", "Faults", "Settings", "UpsModel"]
