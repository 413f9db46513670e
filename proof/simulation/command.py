"""`minimart simulate`: many seeds, or one with its trace, or the planted bugs.

Rules: exit code 0 means that every guarantee held and, for a large run, that everything was met; a violation prints
the seed, the shrunk plan, the trace as a sequence diagram and the command that repeats it, and ends with 1.
"""

import re
import time
from pathlib import Path

import click

from proof.simulation import campaign, coverage
from proof.simulation.campaign import LARGE, Broken, Sums
from proof.simulation.faults import PROFILES, Fault
from proof.simulation.plans import plan
from proof.simulation.room import Result, run_seed
from proof.simulation.shrink import shrink

MOST_SHOWN = 3
LAST_LINES = 60


class Seeds(click.ParamType[range]):
    """A or A-B, as a range."""

    name = "A-B"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """The seeds from A to B, both included."""
        if isinstance(value, range):
            return value
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", str(value))
        if found is None:
            self.fail(f"{value!r} is not a seed or A-B", param, ctx)
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return range(first, last + 1)


class Numbers(click.ParamType[frozenset[int]]):
    """Numbers with commas between them."""

    name = "N,N,..."

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[int]:
        """The set of them."""
        if isinstance(value, frozenset):
            return value
        if not re.fullmatch(r"(\d+(,\d+)*)?", str(value)):
            self.fail(f"{value!r} is not numbers with commas", param, ctx)
        return frozenset(int(part) for part in str(value).split(",") if part)


@click.command()
@click.option("--seeds", type=Seeds(), default="0-99", show_default=True, help="Which seeds to run.")
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="harsh", show_default=True, help="How bad it gets."
)
@click.option("--orders", type=click.IntRange(1, 200), help="Orders of each seed.  [default: as the seed says]")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to run seeds on.")
@click.option("--only-faults", type=Numbers(), help="Of the plan, only the faults with these numbers.")
@click.option("--trace", type=click.Path(dir_okay=False, path_type=Path), help="Write the trace of one seed here.")
@click.option("--planted", is_flag=True, help="Plant each bug of proof/planted in a copy, and see it caught.")
@click.option("--only", help="Only this planted bug.")
@click.option("--table", is_flag=True, help="Make docs/planted-bugs.md anew, if all planted bugs are caught.")
def simulate(
    seeds: range,
    profile: str,
    orders: int | None,
    jobs: int,
    only_faults: frozenset[int] | None,
    trace: Path | None,
    planted: bool,
    only: str | None,
    table: bool,
) -> int:
    """Run the whole system in virtual time under faults, and check every guarantee."""
    if planted or only:
        from proof.simulation import planted as planting

        return planting.run(only, jobs, table)
    if len(seeds) == 1 and (only_faults is not None or trace is not None):
        return _one(seeds[0], profile, orders, only_faults, trace)
    if only_faults is not None or trace is not None:
        raise click.UsageError("--only-faults and --trace are for one seed")
    return _many(seeds, profile, orders, jobs)


def _one(seed: int, profile: str, orders: int | None, only: frozenset[int] | None, trace: Path | None) -> int:
    """One seed, with everything that happened."""
    chosen = _choose(seed, profile, only)
    result = run_seed(seed, profile, faults=chosen, orders=orders, traced=True)
    _tell_plan(result.plan)
    if trace is not None:
        trace.write_text(result.trace.text(), encoding="utf-8")
        click.echo(f"trace: {trace} ({len(result.trace.lines)} lines)")
    elif not result.good:
        click.echo(result.trace.mermaid(LAST_LINES))
    for guarantee, words in result.violations:
        click.echo(f"VIOLATED {guarantee}: {words}")
    if result.good:
        click.echo(f"seed {seed}: every guarantee held, {dict(result.orders)}")
    return 0 if result.good else 1


def _choose(seed: int, profile: str, only: frozenset[int] | None) -> tuple[Fault, ...]:
    return tuple(fault for fault in plan(seed, PROFILES[profile]) if only is None or fault.number in only)


def _many(seeds: range, profile: str, orders: int | None, jobs: int) -> int:
    sums = Sums()
    began = time.monotonic()
    for part in campaign.run_many(seeds, profile, orders, jobs):
        for broken in part.broken[: max(0, MOST_SHOWN - len(sums.broken))]:
            _explain(broken, profile, orders)
        sums.merge(part)
    _summary(sums, profile, time.monotonic() - began, jobs)
    missing = sums.never_met() if profile == "harsh" and sums.seeds >= LARGE else []
    for name in missing:
        click.echo(f"NEVER MET: {name}")
    for name in sums.impossible():
        click.echo(f"MET, and held to be impossible: {name} ({coverage.UNREACHABLE[name]})")
    return 1 if sums.broken or missing or sums.impossible() else 0


def _explain(broken: Broken, profile: str, orders: int | None) -> None:
    """A violation, made as small as it gets."""
    seed, guarantee = broken.seed, broken.violations[0][0]
    click.echo(f"\nseed {seed} broke {guarantee}: {broken.violations[0][1]}")

    def fails(faults: tuple[Fault, ...]) -> bool:
        result = run_seed(seed, profile, faults=faults, orders=orders)
        return bool(result.violations) and result.violations[0][0] == guarantee

    kept = shrink(plan(seed, PROFILES[profile]), fails)
    result: Result = run_seed(seed, profile, faults=kept, orders=orders, traced=True)
    click.echo(f"the smallest plan that still does ({len(kept)} of {len(plan(seed, PROFILES[profile]))} faults):")
    _tell_plan(kept)
    click.echo(f"the last of what happened:\n\n{result.trace.mermaid(LAST_LINES)}")
    for name, words in result.violations:
        click.echo(f"VIOLATED {name}: {words}")
    numbers = ",".join(str(fault.number) for fault in kept)
    more = f" --orders {orders}" if orders is not None else ""
    click.echo(f'repeat: minimart simulate --seeds {seed} --profile {profile}{more} --only-faults "{numbers}"\n')


def _tell_plan(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        click.echo(f"  {fault.words()}")


def _summary(sums: Sums, profile: str, seconds: float, jobs: int) -> None:
    for title, counts in (
        ("hits per fault", sums.faults()),
        ("deaths per crash point", sums.crashes()),
        ("moves of the lifecycle", sums.moves()),
    ):
        click.echo(f"\n{title}:")
        for name, count in counts.items():
            click.echo(f"  {count:8}  {name}")
    shipments = ", ".join(f"{count} {name}" for name, count in sorted(sums.shipments.items()))
    click.echo(f"\nshipments: {shipments} ({sums.excused} of them as only UPS could know, which was wrong or forgot)")
    twice = ", ".join(f"{count} {why}" for why, count in sorted(sums.twice.items()))
    click.echo(f"delivered although sent anew: {twice or 'none'}")
    pace = sums.seeds / sums.cpu if sums.cpu else 0.0
    click.echo(
        f"{sums.seeds} {profile} seeds in {seconds:.0f} s on {jobs} process(es), {pace:.1f} a second of processor;"
        f" {sums.commits} commits, {sums.events} events, {sums.virtual / 3600:.0f} virtual hours; settled at most"
        f" {sums.longest_settling:.0f} virtual seconds after the healing; {len(sums.broken)} violations"
    )
