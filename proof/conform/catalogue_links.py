"""Cases of section 4: the first message, the announcement, losing a connection and coming back."""

import asyncio
from itertools import pairwise
from math import inf

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import LOAD, START, Kit
from proof.conform.reading import why_not

links = Catalogue()

# Seconds, except the first; a busy machine makes pauses longer and never shorter.
_DIALS = 6
_NO_PAUSE = 0.01
_GROWN = 1.25
_LONG_ENOUGH = 1.0
# Longer than the read time-outs that are usual.
_SILENCE = 11.0


@links.must("4.1a", "the first message is a UAstart")
async def _(kit: Kit) -> None:
    partner = await kit.connected()
    if not isinstance(partner.messages[0], ups.UAstart):
        raise CaseFailed("a UAstart first", f"a UACommand came: {why_not(ups.UAstart, partner.bodies[0])}")


@links.must("4.1b", "the announced world is there, and the partner is in it")
async def _(kit: Kit) -> None:
    await kit.connected()
    if kit.world.id is None:
        raise CaseFailed("a world that we can connect to", f"the world says: {kit.world.refusal}")


@links.should("4.2a", "the announcement comes at once")
async def _(kit: Kit) -> None:
    partner = await kit.connected()
    after = (partner.started_at or 0.0) - partner.opened_at
    if after > 5.0:
        raise CaseFailed("a UAstart within 5 s", f"it came after {after:.1f} s")


@links.must("4.5a", "requests right behind the announcement, before its ack, are taken")
async def _(kit: Kit) -> None:
    before = await kit.connected()
    with kit.holding(START):
        kit.amazon.hang_up()
        await kit.renewed(before)
        job = kit.order()
        await kit.acked(job.number)


@links.should("4.6a", "the announcement is repeated until it is acked")
async def _(kit: Kit) -> None:
    before = await kit.connected()
    with kit.holding(START):
        kit.amazon.hang_up()
        await kit.renewed(before)
        partner = await kit.connected()
        await kit.until(
            lambda: len([one for one in kit.said(START) if one.connection == partner.number]) >= 2,
            kit.patience.resend,
            "a second UAstart on the same connection",
        )
        first, second, *_ = [one for one in kit.said(START) if one.connection == partner.number]
        if first.content != second.content:
            raise CaseFailed("the same UAstart again", "another one came")


@links.should("4.9a", "one connection is enough")
async def _(kit: Kit) -> None:
    kit.needs_a_partner_that_dials()
    await kit.connected()
    await kit.never(
        lambda: len([one for one in kit.amazon.partners if not one.ended]) > 1,
        kit.patience.quiet,
        "second connection beside the first",
    )


@links.should("4.6b", "an announcement whose ack comes late is no worse for it")
async def _(kit: Kit) -> None:
    before = await kit.connected()
    with kit.holding(START):
        kit.amazon.hang_up()
        await kit.renewed(before)
        await kit.pause(2.0)
    await kit.delivered(kit.order())
    partner = await kit.connected()
    if partner.number != before.number + 1:
        raise CaseFailed("the connection to stay", f"it is connection {partner.number} by now")


@links.should("4.10a", "a cut connection is dialled again, and begins with UAstart")
async def _(kit: Kit) -> None:
    kit.needs_a_partner_that_dials()
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
    partner = await kit.connected()
    if not isinstance(partner.messages[0], ups.UAstart):
        raise CaseFailed("a UAstart first", f"{type(partner.messages[0]).__name__} came")


@links.should("4.10b", "an Amazon that is away for some seconds is found again")
async def _(kit: Kit) -> None:
    kit.needs_a_partner_that_dials()
    job = kit.order(load=False)
    await kit.acked(job.number)
    await kit.amazon.close()
    kit.amazon.note("stopped listening")
    await asyncio.sleep(2.0)
    await kit.amazon.open_again()
    kit.amazon.note("listens again")
    await kit.connected()
    job.load = True
    await kit.delivered(job)


@links.should("4.10c", "connections that end at once, five times, do not discourage it")
async def _(kit: Kit) -> None:
    kit.needs_a_partner_that_dials()
    for _ in range(5):
        before = await kit.connected()
        kit.amazon.hang_up()
        await kit.ended(before)
    await kit.connected()
    await kit.delivered(kit.order())


@links.must("4.11a", "silence is no reason to close")
async def _(kit: Kit) -> None:
    partner = await kit.connected()
    await kit.never(lambda: partner.ended, _SILENCE, "end of a connection on which nothing was said")
    await kit.acked(kit.order().number)
    if kit.amazon.live is not partner:
        raise CaseFailed("an ack on the connection that was silent", "it came on another one")


@links.should("4.10d", "between two dials to an Amazon that closes at once there is a pause, and it grows")
async def _(kit: Kit) -> None:
    kit.needs_a_partner_that_dials()
    before = (await kit.connected()).number
    kit.amazon.closing_at_once = True
    kit.amazon.hang_up()
    await kit.within(lambda: len(kit.amazon.partners) > before + _DIALS, _DIALS)
    kit.amazon.closing_at_once = False
    dials = kit.amazon.partners[before - 1 : before + _DIALS]
    pauses = [after.opened_at - (first.ended_at or inf) for first, after in pairwise(dials)]
    shown = ", ".join(f"{pause:.3f}" for pause in pauses)
    if any(pause < _NO_PAUSE for pause in pauses):
        raise CaseFailed(f"{_NO_PAUSE:g} s at least between the end of a connection and the next dial", f"{shown} s")
    if len(pauses) == _DIALS and min(pauses[-3:]) < _GROWN * min(pauses[:2]) and min(pauses) < _LONG_ENOUGH:
        raise CaseFailed("a pause that grows while nothing comes of it", f"{shown} s")
    await kit.connected()


@links.must("4.12a", "a truck that waits is not forgotten with the connection")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    first = await kit.truck_there(job)
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
    job.load = True
    await kit.delivered(job)
    trucks = {one.message.truckId for one in kit.said(LOAD, job.ship) if isinstance(one.message, ups.UALoadRequest)}
    if len(trucks) != 1:
        raise CaseFailed(f"the truck of UALoadRequest {first.number} and no other", f"trucks {sorted(trucks)} came")


@links.must("4.12b", "what happens while there is no connection is told on the next one")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    await kit.truck_there(job)
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    await kit.amazon.close()
    kit.amazon.note("went away")
    await kit.until(lambda: kit.world.is_delivered(job.ship), kit.patience.trip, f"the delivery of {job.ship}")
    await kit.amazon.open_again()
    kit.amazon.note("is back")
    await kit.delivered(job)


@links.must("4.12c", "five connections in the life of one job")
async def _(kit: Kit) -> None:
    job = kit.order(load=False, go=False)
    await _cut(kit)
    await kit.truck_there(job)
    await _cut(kit)
    job.load = True
    await kit.loaded(job)
    await _cut(kit)
    kit.let_go(job)
    await _cut(kit)
    await kit.delivered(job)


async def _cut(kit: Kit) -> None:
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
