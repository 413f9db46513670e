"""All faults, the table of them in the document, and the program that has one (`python -m` this module).

Rules: the program takes what the stand-in takes that it needs, ends at SIGTERM, and is started by the kit.
"""

import argparse
import asyncio
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from random import Random

from proof.conform.catalogue import CASES
from proof.conform.faulty.bytes import bytes_
from proof.conform.faulty.jobs import jobs
from proof.conform.faulty.numbers import numbers
from proof.conform.faulty.victim import Fault, FaultyDialler, Victim
from proof.conform.speech import FEATURES
from sim.links import Link
from sim.ups.model import Settings, UpsModel

FAULTS: tuple[Fault, ...] = (*bytes_.faults, *numbers.faults, *jobs.faults)
_MARKS = ("<!-- the planted faults: made by python -m proof.conform.faulty.planted --write FILE -->", "<!-- end -->")


def table() -> str:
    """The faults as a table in Markdown."""
    titles = {case.id: case.title for case in CASES}
    lines = ["| fault | what is wrong | named by | also by |", "|---|---|---|---|"]
    for fault in FAULTS:
        first, *others = fault.named_by
        lines.append(f"| {fault.name} | {fault.what} | {first}: {titles[first]} | {', '.join(others)} |")
    return "\n".join(lines)


def with_table(text: str) -> str:
    """A document with the table between its marks made anew. Raises ValueError if it has no marks."""
    begin, end = (re.escape(mark) for mark in _MARKS)
    made, count = re.subn(f"({begin}\n).*?({end})", lambda found: f"{found[1]}{table()}\n{found[2]}", text, flags=re.S)
    if count != 1:
        raise ValueError(f"the document lacks the marks {_MARKS}")
    return made


async def _serve(fault: Fault | None, options: argparse.Namespace) -> None:
    settings = Settings(
        tick=options.tick,
        join=options.join,
        first_number=options.first_number,
        first_news=options.first_news,
        features=FEATURES,
    )
    model = UpsModel(settings, Random(1))
    addresses = {Link.WORLD: _place(options.world), Link.SHOP: _place(options.amazon)}
    dialler = FaultyDialler(model, addresses)
    if fault is not None:
        fault.plant(Victim(model, dialler))
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    dialler.start()
    await ending.wait()
    await dialler.close()


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a UPS with a fault, or writes the table into a document."""
    parser = argparse.ArgumentParser(prog="python -m proof.conform.faulty.planted")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--world")
    parser.add_argument("--amazon")
    parser.add_argument("--tick", type=float, default=0.1)
    parser.add_argument("--join", type=int)
    parser.add_argument("--first-number", type=int, default=1)
    parser.add_argument("--first-news", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.write is not None:
        options.write.write_text(with_table(options.write.read_text(encoding="utf-8")), encoding="utf-8")
        return
    if options.world is None or options.amazon is None:
        parser.error("--world and --amazon say where to dial")
    fault = next((one for one in FAULTS if one.name == options.fault), None)
    asyncio.run(_serve(fault, options))


if __name__ == "__main__":
    main()
