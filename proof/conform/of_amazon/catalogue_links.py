"""Cases of sections 4 and 8: connections, announcements, worlds."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.of_amazon.kit import Kit

links = Catalogue()

_ANNOUNCE_SECONDS = 10.0
_NO_WORLD = 987_654_321
# Longer than the read time-outs that are usual.
_SILENCE = 11.0


@links.must("4.4a", "UAstart's number is acked")
async def _(kit: Kit) -> None:
    line = await kit.line()
    await kit.acked(kit.ups.announce(line, kit.world.id))


@links.must("4.2a", "closes a connection on which no UAstart comes within 10 s")
async def _(kit: Kit) -> None:
    line = await kit.line()
    await kit.ended(line, _ANNOUNCE_SECONDS + kit.patience.ack)


@links.must("4.3a", "closes a connection whose first message is no UAstart")
async def _(kit: Kit) -> None:
    line = await kit.line()
    _, command = kit.probe()
    kit.ups.send(command, line)
    await kit.ended(line)


@links.must("4.5a", "elements right behind UAstart, in the same write, are heard")
async def _(kit: Kit) -> None:
    line = await kit.line()
    number, command = kit.probe()
    with kit.ups.alone():
        start = kit.ups.announce(line, kit.world.id)
        kit.ups.send(command, line)
    await kit.acked(start)
    await kit.acked(number)


@links.must("4.6a", "the same UAstart again on a live connection is acked again")
async def _(kit: Kit) -> None:
    line = await kit.line()
    number = kit.ups.announce(line, kit.world.id)
    await kit.acked(number)
    kit.ups.announce(line, kit.world.id, number)
    await kit.acked(number, times=2)
    if line.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@links.must("4.7a", "UAstart under the number of an element loses neither")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    job = await kit.job(load=False)
    await kit.truck_there(job)
    number = kit.ups.announce(line, kit.world.id)
    await kit.acked(number)
    kit.say_load(job, number)
    await kit.goes(job)
    await kit.delivered(job)


@links.must("4.8a", "the newest connection that announced is live, and the one before is closed")
async def _(kit: Kit) -> None:
    before = await kit.connected()
    await kit.dial()
    await kit.ended(before)


@links.must("4.8b", "a connection that has not announced disturbs no other")
async def _(kit: Kit) -> None:
    live = await kit.connected()
    quiet = await kit.line()
    number, command = kit.probe()
    kit.ups.send(command, live)
    await kit.acked(number)
    if live.ended:
        raise CaseFailed("the live connection to stay", "it was closed for one that said nothing")
    kit.ups.hang_up(quiet)


@links.must("4.11a", "silence is no fault: a connection on which nothing is said for a while stays")
async def _(kit: Kit) -> None:
    live = await kit.connected()
    await kit.never(lambda: live.ended, "end of a silent connection", _SILENCE)
    number, command = kit.probe()
    kit.ups.send(command, live)
    await kit.acked(number)
    if live.ended:
        raise CaseFailed("an ack on the connection that was silent", "it was closed")


@links.must("4.12a", "a request that was not acked comes again on the next connection")
async def _(kit: Kit) -> None:
    with kit.holding("AUPickupRequest"):
        job = await kit.job(bring=False, fresh=True)
        kit.ups.hang_up()
        line = await kit.connected()
        number = job.asked[0]
        await kit.until(
            lambda: any(one.number == number and one.line == line.number for one in kit.said("AUPickupRequest")),
            kit.patience.resend,
            f"the AUPickupRequest {number} again",
        )
    await kit.delivered(job)


@links.must("8.2a", "a world that does not exist leaves Amazon where it is, and is acked all the same")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    job = await kit.job()
    await kit.acked(kit.ups.announce(line, _NO_WORLD))
    await kit.acked(kit.ups.announce(line, kit.world.id))
    await kit.until(lambda: kit.world.has_amazon, kit.patience.trip, f"Amazon in world {kit.world.id}")
    await kit.delivered(job)


@links.must("8.3a", "while UPS is in another world than Amazon it gets no new requests")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    await kit.acked(kit.ups.announce(line, _NO_WORLD))
    waiting = asyncio.ensure_future(kit.job(fresh=True))
    try:
        since = len(kit.ups.elements)
        await kit.never(
            lambda: any(one.kind == "AUPickupRequest" for one in kit.ups.elements[since:]),
            "AUPickupRequest",
            kit.patience.quiet + 1.0,
        )
    finally:
        await kit.acked(kit.ups.announce(line, kit.world.id))
        job = await waiting
    await kit.delivered(job)


@links.must("8.4a", "in a new world every open shipment begins anew, with a new ship id")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    job = await kit.job(bring=False)
    before, old = await kit.new_world(), job.ship
    await kit.acked(kit.ups.announce(line, kit.world.id))
    kit.note_world()
    await kit.until(
        lambda: kit.world.has_amazon, kit.patience.trip, f"Amazon in world {kit.world.id}, made after {before}"
    )
    again = await kit.anew(job)
    if again.ship == old:
        raise CaseFailed("a new ship id", f"{old} again")
    await kit.delivered(again)
    number = kit.say_delivered(old)
    await kit.acked(number)


@links.must("8.5a", "what comes late about a ship id of the world before is acked and not obeyed")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    job = await kit.job(bring=False)
    await kit.new_world()
    await kit.acked(kit.ups.announce(line, kit.world.id))
    kit.note_world()
    await kit.until(lambda: kit.world.has_amazon, kit.patience.trip, f"Amazon in world {kit.world.id}")
    late = ups.UALoadRequest(seqNum=kit.ups.number(), truckId=1, shipId=job.ship)
    kit.ups.say(late.seqNum, ups.UACommand(loadRequests=[late]))
    await kit.acked(late.seqNum)
    await kit.acked(kit.say_delivered(job.ship))
    again = await kit.anew(job)
    await kit.delivered(again)
    if kit.said("AUDeliverRequest", job.ship):
        raise CaseFailed(f"no AUDeliverRequest for {job.ship}", "it came")
