"""`make bench`: every figure against its yardstick, measured in the same run. `--json` for JSON, names to choose.

Exit code 0: every figure is as promised; 1: one is not, and is named; 2: a wrong option.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from proof import (
    bench_delivery,
    bench_eta,
    bench_frames,
    bench_orders,
    bench_pace,
    bench_pages,
    bench_shop,
    bench_waiting,
)
from proof.figures import Figure, as_json, as_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what was asked for, and prints it; the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "only", nargs="*", help="frames, orders, delivery, pace, waiting, pages, shop, eta; nothing: all"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="minimart-bench-") as folder:
        suites: dict[str, Callable[[], Iterator[Figure]]] = {
            "frames": bench_frames.measure,
            "orders": lambda: bench_orders.measure(Path(folder)),
            "delivery": lambda: bench_delivery.measure(Path(folder)),
            "pace": bench_pace.measure,
            "waiting": lambda: bench_waiting.measure(Path(folder)),
            "pages": lambda: bench_pages.measure(Path(folder)),
            "shop": lambda: bench_shop.measure(Path(folder)),
            "eta": bench_eta.measure,
        }
        unknown = set(options.only) - set(suites)
        if unknown:
            parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(suites)}")
        figures: list[Figure] = []
        for name in options.only or suites:
            print(f"measuring {name} ...", file=sys.stderr)
            figures += suites[name]()
    if options.json:
        print(as_json(figures))
    else:
        print(f"on {os.cpu_count()} cores, callers and databases included\n")
        print(as_table(figures))
    broken = [figure.broken for figure in figures if figure.broken]
    for words in broken:
        print(f"not as promised: {words}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
