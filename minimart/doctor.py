"""`minimart doctor`: which part is up, connected, waiting, and for what.

Each part is asked itself; the queues are read from the database. Exit code 0: all is well; 1: something is not.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
from sqlalchemy import func, select

from db.clock import SystemClock
from db.orders.links import Link, World, WorldState
from db.orders.messages import OutboxRow
from mesh.errors import read_error
from minimart.arguments import data_option, orders_option
from minimart.failure import Failure
from minimart.installation import Run
from minimart.plan import OURS
from minimart.probes import serves_grpc, serves_http
from minimart.system import System, find_system
from orders_svc.outbox.rows import UPS
from orders_svc.service.links import apart
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc

CALL_SECONDS = 2.0
METRICS_PATH = "/metrics"
# Some ticks of any world that people use: by then a command is on its way, or something holds it up.
LONG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One part's condition, in words."""

    part: str
    well: bool
    condition: str


@click.command()
@data_option
@orders_option
def doctor(data: Path | None, orders: str | None) -> None:
    """Say which part is up, connected, waiting, and for what."""
    findings = list(examine(find_system(data, orders)))
    width = max(len(finding.part) for finding in findings)
    for finding in findings:
        click.echo(f"{'ok ' if finding.well else 'BAD'}  {finding.part:<{width}}  {finding.condition}")
    unwell = [finding.part for finding in findings if not finding.well]
    if unwell:
        raise Failure(f"not well: {', '.join(unwell)}")


def examine(system: System) -> Iterator[Finding]:
    """Looks at every part that can be reached from here."""
    run = system.run
    if run is not None:
        alive = _is_alive(run.supervisor) and bool(run.pids)
        yield Finding("supervisor", alive, f"process {run.supervisor}" if alive else "not running: minimart up")
        if "sim_world" in run.pids or "sim_ups" in run.pids:
            for name in ("sim_world", "sim_ups"):
                if name in run.pids:
                    yield Finding(name, _is_alive(run.pids[name]), f"stand-in, process {run.pids[name]}")
    yield _service("orders_svc", serves_grpc(system.orders), system.orders)
    if run is not None:
        yield _service("storefront", serves_http(run.addresses["shop"]), run.shop)
        for name in ("world_bridge", "ups_bridge"):
            yield _bridge(system, name, run.addresses[name])
        yield from metrics(run)
    yield from queues(system)


def metrics(run: Run) -> Iterator[Finding]:
    """Where each part shows its figures to Prometheus, for those that were told to."""
    for name in OURS:
        address = run.addresses.get(f"{name}_metrics")
        if address is not None:
            serves = serves_http(address, METRICS_PATH)
            where = f"http://{address}{METRICS_PATH}"
            yield Finding(f"metrics of {name}", serves, where if serves else f"not served at {where}")


def _service(name: str, serves: bool, address: str) -> Finding:
    return Finding(name, serves, f"serves at {address}" if serves else f"does not serve at {address}")


def _bridge(system: System, name: str, address: str) -> Finding:
    with system.channel(address) as channel:
        try:
            status = bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(
                bridge_pb2.GetLinkStatusRequest(), timeout=CALL_SECONDS
            )
        except grpc.RpcError as error:
            return Finding(name, False, f"does not serve at {address}: {read_error(error).message}")
    return link_finding(name, status)


def link_finding(name: str, status: bridge_pb2.GetLinkStatusResponse) -> Finding:
    """A bridge's condition by what it says itself; a contract that differs is no good link, though it may hold."""
    peer = "connected" if status.connected else "NOT connected"
    spoken = f"; it speaks {', '.join(status.features)}" if status.features else ""
    return Finding(
        name,
        status.connected and not status.contract_difference,
        f"{peer}: {status.state}{spoken}; {status.unacked} of {status.window} commands unacked, "
        f"{status.frames_sent} frames sent, {status.frames_received} received, {status.resends} re-sends, "
        f"{status.reconnects} reconnects, {status.bad_frames} bad frames, loss about {status.loss_estimate:.0%}",
    )


def queues(system: System) -> Iterator[Finding]:
    """For each link: what is open, how long it has been waiting to be handed over, and what is in the way."""
    now = SystemClock().now()
    new = OutboxRow.sent_epoch == 0
    of_link = (OutboxRow.link == Link.name) & OutboxRow.closed_at.is_(None)
    world_id = select(World.world_id).where(World.state == WorldState.OPEN).scalar_subquery()
    columns = (Link.name, Link.connected, Link.state, Link.lease_until_at, Link.announced_world_id)
    query = (
        select(
            *columns,
            world_id.label("world_id"),
            func.count(OutboxRow.id).label("open"),
            func.count(OutboxRow.id).filter(new).label("new"),
            func.min(OutboxRow.due_at).filter(new).label("since"),
        )
        .join(OutboxRow, of_link, isouter=True)
        .group_by(*columns)
        .order_by(Link.name)
    )
    try:
        with system.reading() as connection:
            rows = connection.execute(query).all()
    except Failure as failure:
        yield Finding("database", False, failure.message)
        return
    yield Finding("database", True, "can be read")
    for row in rows:
        elsewhere = row.name == UPS and row.world_id is not None and row.world_id != row.announced_world_id
        waited = 0.0 if row.since is None else now - row.since
        if not row.open and not elsewhere:
            continue
        condition = f"{row.open} open, {row.new} of them not handed over yet"
        if waited > LONG_SECONDS:
            condition += f"; the oldest has waited for {waited:.0f} s"
        if row.lease_until_at <= now:
            condition += f"; the {row.name} bridge is not running"
        elif not row.connected:
            condition += f"; not connected: {' '.join(row.state.split())}"
        elif elsewhere:
            condition += f"; UPS {apart(row.announced_world_id, row.world_id)}"
        elif row.world_id is None:
            condition += "; no world is open"
        yield Finding(f"commands to {row.name}", waited <= LONG_SECONDS and not elsewhere, condition)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
