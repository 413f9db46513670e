"""Checks that look back over the whole run; one that is played alone begins with a job, to have something to see."""

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import DELIVERED, ERROR, START, Element
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.frames import BYTES, Field, fields
from proof.conform.kit import Kit
from proof.conform.reading import every_field

whole = Catalogue()

_ACKS = 3
_KIB_256 = 256 * 1024
# For the end of a connection to be noticed.
_ENDING_SECONDS = 1.0
_AT_A_WAREHOUSE = ("ARRIVE WAREHOUSE", "LOADING")


async def _something(kit: Kit) -> None:
    """One job from its beginning to its end, if there was none yet and there can be one."""
    await kit.connected()
    if kit.world.id is not None and not kit.said(DELIVERED):
        job = kit.order()
        await kit.until(
            lambda: kit.said(DELIVERED, job.ship) or kit.said(ERROR), kit.patience.trip, f"the delivery of {job.ship}"
        )


@whole.should("2.3g", "in the whole run each length took as few bytes as it can", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    odd = sum(partner.incoming.odd for partner in kit.amazon.partners)
    if odd:
        raise CaseFailed("lengths in their shortest form", f"{odd} were longer")


@whole.should("2.6i", "in the whole run no body was above 256 KiB", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    longest = max((len(body) for partner in kit.amazon.partners for body in partner.bodies), default=0)
    if longest > _KIB_256:
        raise CaseFailed("bodies of 256 KiB at most", f"one of {longest:,} bytes came")


@whole.must("2.10a", "in the whole run each frame was whole, and nothing was between two", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    bad = [partner for partner in kit.amazon.partners if partner.bad]
    if bad:
        raise CaseFailed("whole frames, each with a message", f"on connection {bad[0].number} {bad[0].bad}")


@whole.should("2.12d", "in the whole run acks were not packed", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    packed = [one for one in _fields(kit, deep=False) if one.number == _ACKS and one.kind == BYTES]
    if packed:
        raise CaseFailed("acks unpacked, as proto2 sends them", f"{len(packed)} came packed")


@whole.should("2.14b", "in the whole run each varint in a body took as few bytes as it can", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    long = [one for one in _fields(kit, deep=True) if not one.short]
    if long:
        raise CaseFailed("varints in their shortest form", f"{len(long)} were longer")


def _fields(kit: Kit, *, deep: bool) -> Iterator[Field]:
    for partner in kit.amazon.partners:
        for body, message in zip(partner.bodies, partner.messages, strict=True):
            yield from every_field(body, message.DESCRIPTOR) if deep else fields(body)


@whole.must("4.1c", "in the whole run each announced world was there when it was announced", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    if kit.false_worlds:
        raise CaseFailed("worlds that the world knows", f"{kit.false_worlds[0]} was announced, and there is none")


@whole.must("4.7a", "in the whole run the number of an announcement was no element's", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    starts = {(one.connection, one.number) for one in kit.said(START)}
    others = {(one.connection, one.number) for one in _numbered(kit) if one.kind != START}
    if starts & others:
        connection, number = min(starts & others)
        raise CaseFailed(
            "a number of its own for UAstart", f"{number} was also an element's on connection {connection}"
        )


@whole.must("4.9b", "in the whole run no world was announced on two connections at once", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    announced = [one for one in kit.amazon.partners if one.started_at is not None]
    for before, after in pairwise(announced):
        together = (before.ended_at or inf) - (after.started_at or 0.0)
        if together > _ENDING_SECONDS:
            raise CaseFailed(
                "one announced connection at a time",
                f"connection {before.number} was open for {min(together, 999):.1f} s beside {after.number}",
            )


@whole.must("5.2a", "in the whole run no number stood for two things", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    known: dict[tuple[int, int, int], Element] = {}
    world = 0
    for element in _numbered(kit):
        if isinstance(element.message, ups.UAstart):
            world = element.message.worldid
        # Who cannot remember may begin at 1 again after a restart (5.3).
        first = known.setdefault((element.life, world, element.number), element)
        if (first.kind, first.content) != (element.kind, element.content):
            raise CaseFailed(
                f"one thing under number {element.number}",
                f"{first.kind} came on connection {first.connection}, and another {element.kind} on "
                f"connection {element.connection}",
            )


@whole.must("5.6e", "in the whole run only numbers that had come were acked", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    if kit.amazon.strange_acks:
        number, connection = kit.amazon.strange_acks[0]
        raise CaseFailed(
            "acks of numbers that Amazon sent", f"{number} was acked on connection {connection}, which it never sent"
        )


@whole.must("6.2a", "in the whole run each truck that was announced stood at a warehouse", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    for arrival in kit.arrivals:
        if arrival.status not in _AT_A_WAREHOUSE and not arrival.gone:
            raise CaseFailed(
                f"truck {arrival.truck} at the warehouse when UALoadRequest {arrival.number} for {arrival.ship} came on"
                f" connection {arrival.connection}",
                f"the world had it {arrival.status or 'nowhere'}",
            )


@whole.must("6.5a", "in the whole run what was told as delivered was delivered, once", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    for ship in {one.ship for one in kit.said(DELIVERED)}:
        job = kit.jobs.get(ship or 0)
        if job is not None and job.world == kit.world.id:
            kit.check_delivered(job)


@whole.must("11.2a", "in the whole run nothing came of a feature that was not on", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    if kit.amazon.out_of_place:
        kind, connection = kit.amazon.out_of_place[0]
        raise CaseFailed("elements of features that both sides named", f"a {kind} came on connection {connection}")


@whole.must("8.7a", "in the whole run the world simulator lived", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    if kit.world.died:
        raise CaseFailed("a simspeed of 60 or more", f"the simulator ended: {kit.world.died}")


@whole.must("9.1a", "in the whole run each Err named a number that Amazon had sent", whole_run=True)
async def _(kit: Kit) -> None:
    await _something(kit)
    for one in kit.said(ERROR):
        if isinstance(one.message, ups.Err) and not kit.amazon.sent(one.message.originSeqNum):
            raise CaseFailed("an originSeqNum of Amazon's", f"{one.message.originSeqNum} came, which it never sent")


def _numbered(kit: Kit) -> list[Element]:
    return [
        one for one in kit.amazon.elements if one.kind == START or "seqNum" in one.message.DESCRIPTOR.fields_by_name
    ]
