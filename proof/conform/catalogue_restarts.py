"""Cases of sections 5.3, 7.2, 7.3, 7.4, 8: the partner's program is killed, worlds end, connections to the world break.

Rules: a partner that forgot is helped as Amazon helps (7.3): the same job, under new numbers, until it is delivered.
"""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import ERROR, Element
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.kit import LOAD, START, Job, Kit

restarts = Catalogue()


async def _killed(kit: Kit) -> None:
    """Kills the partner and starts it again. Raises NotApplicable if its jobs are over with its world."""
    before = kit.world.id
    await kit.restart()
    if kit.world.id != before:
        raise NotApplicable("the partner went on in another world after its restart (8.6)")


async def _brought_home(kit: Kit, job: Job) -> None:
    """Asks as Amazon does, again and again, until the job is delivered; the world's word for it will do (7.3)."""
    job.load = job.go = True
    until = asyncio.get_running_loop().time() + 2 * kit.patience.trip
    while not kit.world.is_delivered(job.ship):
        if asyncio.get_running_loop().time() > until:
            raise CaseFailed(
                f"a UADelivered for {job.ship} after the restart", "it did not come, however it was asked for"
            )
        refused = {one.message.originSeqNum for one in kit.said(ERROR) if isinstance(one.message, ups.Err)}
        if not kit.world.is_loaded(job.ship):
            job.loading = False
            number = kit.amazon.number()
            kit.amazon.say(number, kit.pickup(job, number))
        elif job.went and job.went[-1] in refused:
            loads = len(kit.said(LOAD, job.ship))
            number = kit.amazon.number()
            kit.amazon.say(number, kit.pickup(job, number))
            await kit.until(lambda: len(kit.said(LOAD, job.ship)) > loads, kit.patience.trip, "a UALoadRequest")  # noqa: B023
            kit.let_go(job)
        else:
            kit.let_go(job)
        await kit.within(lambda: kit.world.is_delivered(job.ship), 20 * kit.patience.tick + 1.0)
    kit.check_delivered(job)


@restarts.must("7.2a", "killed while a truck is on its way to the warehouse: the job is delivered once")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.acked(job.number)
    await _killed(kit)
    await _brought_home(kit, job)


@restarts.must("7.2b", "killed while the truck stands at the warehouse: the job is delivered once")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    await _killed(kit)
    await _brought_home(kit, job)


@restarts.must("7.3a", "killed while the package is on the truck, before the word to go: the job is delivered once")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    await kit.loaded(job)
    await _killed(kit)
    await _brought_home(kit, job)


@restarts.must("7.3b", "killed while the package is under way: the job is delivered once")
async def _(kit: Kit) -> None:
    job = kit.order(go=False, to=(300, 300))
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    await _killed(kit)
    await _brought_home(kit, job)


@restarts.must("7.3c", "a new job after a restart")
async def _(kit: Kit) -> None:
    await kit.restart()
    await kit.delivered(kit.order())


@restarts.should("5.3a", "after a restart numbers begin above those of before")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order())
    before = {one.number for one in kit.amazon.elements}
    await _killed(kit)
    job = kit.order()
    told = await kit.delivered(job)
    if told.number <= max(before):
        raise CaseFailed(f"a number above {max(before)}", f"{told.number} came")


@restarts.must("7.4a", "Amazon was away: what it had not acked comes again, under its number")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        job = kit.order(load=False)
        element = await kit.truck_there(job)
        await kit.amazon.close()
        kit.amazon.note("went away")
        await asyncio.sleep(1.0)
        came = len(kit.said(LOAD, job.ship))
        await kit.amazon.open_again()
        kit.amazon.note("is back")

        # It may say more about the job meanwhile, under other numbers.
        def copies() -> list[Element]:
            return [one for one in kit.said(LOAD, job.ship)[came:] if one.number == element.number]

        await kit.until(copies, kit.patience.resend, f"UALoadRequest {element.number} again")
    if copies()[0].content != element.content:
        raise CaseFailed(f"{element.number} with the same content", "it came with another")
    job.load = True
    await kit.delivered(job)


@restarts.should("8.6a", "a restart is no reason for another world")
async def _(kit: Kit) -> None:
    before = kit.world.id
    await kit.restart()
    if kit.world.id != before:
        raise CaseFailed(f"world {before} after the restart", f"world {kit.world.id} was announced")


@restarts.should("8.6b", "a lost connection to Amazon is no reason for another world")
async def _(kit: Kit) -> None:
    worlds = _announced(kit)
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
    await kit.delivered(kit.order())
    if _announced(kit) != worlds:
        raise CaseFailed(f"world {worlds[-1]} again", f"world {_announced(kit)[-1]} was announced")


@restarts.should("8.6c", "a lost connection to the world is no reason for another world")
async def _(kit: Kit) -> None:
    worlds = _announced(kit)
    job = kit.order(load=False)
    await kit.truck_there(job)
    kit.amazon.note("the world cut the partner's connection")
    kit.world.cut_partner()
    job.load = True
    await kit.delivered(job)
    await kit.delivered(kit.order())
    if _announced(kit) != worlds:
        raise CaseFailed(f"world {worlds[-1]} all along", f"world {_announced(kit)[-1]} was announced")


def _announced(kit: Kit) -> list[int]:
    """The worlds that were announced, one after the other."""
    worlds: list[int] = []
    for one in kit.said(START):
        if isinstance(one.message, ups.UAstart) and worlds[-1:] != [one.message.worldid]:
            worlds.append(one.message.worldid)
    return worlds


@restarts.must("7.7e", "the connection to the world breaks while a truck is under way: the job is delivered once")
async def _(kit: Kit) -> None:
    job = kit.order(go=False, to=(400, 400))
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    kit.amazon.note("the world cut the partner's connection")
    kit.world.cut_partner()
    await kit.delivered(job)


@restarts.must("8.1a", "where the world ended another one is made and announced, and jobs are done there")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order())
    await kit.another_world()
    await kit.delivered(kit.order(to=(-3, 8), warehouse=2))


@restarts.must("8.4a", "in another world copies of requests from before are acked")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    await kit.another_world()
    acks = len(kit.amazon.acks[job.number])
    kit.amazon.send(kit.pickup(job))
    await kit.acked(job.number, acks + 1)


@restarts.must("8.4b", "what was under way begins anew in another world, and is delivered there")
async def _(kit: Kit) -> None:
    old = [kit.order(load=at % 2 == 0, go=False) for at in range(4)]
    for job in old:
        await kit.truck_there(job)
    await kit.another_world()
    for job in old:
        await kit.delivered(kit.order(to=job.to))


@restarts.should("8.4c", "in another world nothing more is said of the jobs of the one before")
async def _(kit: Kit) -> None:
    old = [kit.order(load=False) for _ in range(3)]
    for job in old:
        await kit.truck_there(job)
    partner = await kit.another_world()
    await kit.pause(2 * kit.patience.tick)
    ships = {job.ship for job in old}
    known = {one.number for one in kit.amazon.elements}
    await kit.delivered(kit.order())
    await kit.pause(kit.patience.quiet)
    fresh = [one for one in kit.amazon.elements if one.ship in ships and one.number not in known]
    if fresh:
        raise CaseFailed(
            "nothing new about packages of the world before",
            f"{fresh[0].kind} {fresh[0].number} came for {fresh[0].ship} on connection {partner.number}",
        )
