"""`python -m proof.simulation.hunt ROOT FIRST COUNT PROFILE`: runs seeds until one breaks a guarantee.

For a copy of the tree with a bug planted in it. Prints one line of JSON: the seed and what was broken; seed null:
nothing was. Rules: the code under test must be the copy's, or nothing is proven.
"""

import json
import sys
from pathlib import Path

import mesh
import orders_svc
import sim
import ups_bridge
import wire
import world_bridge
from proof.simulation.room import run_seed


def main(root: Path, first: int, count: int, profile: str) -> None:
    """Hunts, and prints the outcome."""
    for package in (mesh, orders_svc, sim, ups_bridge, wire, world_bridge):
        if root not in Path(package.__file__ or "").parents:
            raise SystemExit(f"{package.__name__} is not the copy's: {package.__file__}")
    for seed in range(first, first + count):
        result = run_seed(seed, profile)
        if not result.good:
            guarantee, words = result.violations[0]
            print(json.dumps({"seed": seed, "guarantee": guarantee, "words": words}))
            return
    print(json.dumps({"seed": None, "guarantee": "", "words": ""}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
