"""Cases of section 5: acks, copies, lost connections, the two spaces of numbers."""

import asyncio
from random import Random

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import DELIVERED, LOAD, START, Job, Kit

numbers = Catalogue()


async def _repeated(kit: Kit, kind: str, ship: int | None, times: int = 2) -> None:
    """Waits for copies of an element, all alike."""
    await kit.until(
        lambda: len(kit.said(kind, ship)) >= times,
        kit.patience.resend * (times - 1),
        f"{kind} again, as it is not acked",
    )
    first, *rest = kit.said(kind, ship)
    for copy in rest:
        if copy.number != first.number:
            raise CaseFailed(f"the same number {first.number} in the copy", f"{copy.number} came")
        if copy.content != first.content:
            raise CaseFailed(f"the same content in the copy of {first.number}", "another one came")


@numbers.must("5.1a", "a request with the number of one of UPS's own elements is a request, and acks nothing of UPS's")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        first = kit.order(load=False)
        element = await kit.truck_there(first)
        second, _command = kit.request()
        kit.amazon.say(element.number, kit.pickup(second, element.number))
        await kit.acked(element.number)
        copies = len(kit.said(LOAD, first.ship))
        await kit.until(
            lambda: len(kit.said(LOAD, first.ship)) > copies,
            kit.patience.resend,
            f"{element.number} again, not acked yet",
        )
    first.load = True
    await kit.delivered(first)
    await kit.delivered(second)


@numbers.must("5.2c", "a number below all that came before is a new element")
async def _(kit: Kit) -> None:
    for at in range(3):
        job, _command = kit.request()
        number = 1_000_000 + job.ship % 100_000 * 10 - at
        kit.amazon.say(number, kit.pickup(job, number))
        await kit.acked(number)
        await kit.delivered(job)


@numbers.must("5.2d", "a gap in the numbers is not waited for")
async def _(kit: Kit) -> None:
    for gap in (10, 100_000, 10**12):
        job, _command = kit.request()
        number = kit.amazon.number(gap)
        kit.amazon.say(number, kit.pickup(job, number))
        await kit.delivered(job)


@numbers.must("5.4a", "a UALoadRequest is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        job = kit.order(load=False)
        await kit.truck_there(job)
        await _repeated(kit, LOAD, job.ship)


@numbers.must("5.4b", "a UADelivered is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    with kit.holding(DELIVERED):
        job = kit.order()
        await kit.delivered(job)
        await _repeated(kit, DELIVERED, job.ship)


@numbers.must("5.4c", "what is unacked comes again on the next connection, under its number")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        job = kit.order(load=False)
        element = await kit.truck_there(job)
        before = await kit.connected()
        kit.amazon.hang_up()
        await kit.renewed(before)
        await kit.until(
            lambda: any(one.connection > before.number for one in kit.said(LOAD, job.ship)),
            kit.patience.resend,
            f"{element.number} again on the new connection",
        )
        copy = kit.said(LOAD, job.ship)[-1]
        if (copy.number, copy.content) != (element.number, element.content):
            raise CaseFailed(f"{element.number} with the same content", f"number {copy.number} came")


@numbers.must("5.4e", "an ack is for its own number, not for those below it")
async def _(kit: Kit) -> None:
    with kit.holding(LOAD):
        made = [kit.order(load=False) for _ in range(2)]
        (lower, ship), (higher, _) = sorted([((await kit.truck_there(job)).number, job.ship) for job in made])
        kit.amazon.send(ups.AUCommand(acks=[higher]))
        await kit.pause(0.5)
        copies = len(kit.said(LOAD, ship))
        await kit.until(
            lambda: len(kit.said(LOAD, ship)) > copies,
            kit.patience.resend,
            f"{lower} again, of which nothing but {higher} was acked",
        )


@numbers.must("5.4f", "what is unacked comes again on three connections in a row")
async def _(kit: Kit) -> None:
    with kit.holding(DELIVERED):
        job = kit.order()
        element = await kit.delivered(job)
        for _ in range(3):
            before = await kit.connected()
            kit.amazon.hang_up()
            after = await kit.renewed(before)
            await kit.until(
                lambda after=after: any(one.connection >= after.number for one in kit.said(DELIVERED, job.ship)),  # type: ignore[misc]
                kit.patience.resend,
                f"{element.number} again on connection {after.number}",
            )


@numbers.must("5.4g", "when Amazon takes every other element only, jobs are delivered all the same")
async def _(kit: Kit) -> None:
    chance = Random(54)
    kit.amazon.deaf_to = lambda element: element.kind != START and chance.random() < 0.5
    made = [kit.order(to=(at, 3)) for at in range(6)]
    for job in made:
        await kit.delivered(job)


@numbers.must("5.4d", "what is acked is not sent again")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    await asyncio.sleep(0.5)
    copies = len(kit.said(LOAD, job.ship))
    await kit.never(lambda: len(kit.said(LOAD, job.ship)) > copies, kit.patience.quiet + 1.0, "copy of what was acked")


@numbers.must("5.6a", "a request is acked")
async def _(kit: Kit) -> None:
    job = kit.order()
    await kit.acked(job.number)


@numbers.must("5.6b", "each copy of a request is acked")
async def _(kit: Kit) -> None:
    job = kit.order()
    await kit.acked(job.number)
    for times in (2, 3, 4):
        kit.amazon.send(kit.pickup(job))
        await kit.acked(job.number, times)


@numbers.must("5.6c", "a copy on the next connection is acked, too")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.acked(job.number)
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
    acks = len(kit.amazon.acks[job.number])
    kit.amazon.send(kit.pickup(job))
    await kit.acked(job.number, acks + 1)


@numbers.must("5.6d", "each copy of an AUDeliverRequest is acked")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    await kit.loaded(job)
    number = kit.let_go(job)
    for times in (1, 2, 3):
        await kit.acked(number, times)
        kit.amazon.send(ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=number, shipId=job.ship)]))
    await kit.delivered(job)


@numbers.must("5.6f", "a copy of what was done long ago is acked, and nothing comes of it")
async def _(kit: Kit) -> None:
    job = kit.order()
    await kit.delivered(job)
    told = {one.number for one in kit.said(DELIVERED, job.ship)}
    acks = len(kit.amazon.acks[job.number])
    kit.amazon.send(kit.pickup(job))
    await kit.acked(job.number, acks + 1)
    await kit.pause(kit.patience.quiet)
    if {one.number for one in kit.said(DELIVERED, job.ship)} != told:
        raise CaseFailed("nothing for a copy", "another UADelivered came")
    kit.check_delivered(job)


@numbers.must("5.10a", "acks are not answered")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order())
    await kit.pause(0.5)
    partner = await kit.connected()
    acks = sum(map(len, kit.amazon.acks.values()))
    kit.amazon.send(ups.AUCommand(acks=[one.number for one in kit.amazon.elements[-20:]]))
    await kit.never(
        lambda: partner.ended or sum(map(len, kit.amazon.acks.values())) > acks, kit.patience.quiet, "ack of acks"
    )


@numbers.should("5.12a", "acks come within a tick")
async def _(kit: Kit) -> None:
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(10):
        job, began = kit.order(), loop.time()
        await kit.acked(job.number)
        took.append(kit.amazon.acks[job.number][0] - began)
    # The quickest of ten: a busy machine is not the partner's fault.
    if min(took) > kit.patience.tick:
        raise CaseFailed(f"an ack within {kit.patience.tick:g} s", f"the quickest of ten took {min(took):.2f} s")


@numbers.must("5.14a", "a thousand requests at once: each is acked in the end, and what was acked is done")
async def _(kit: Kit) -> None:
    done, waiting = kit.order(), kit.order(load=False)
    await kit.delivered(done)
    await kit.truck_there(waiting)
    asked = [kit.pickup(job, kit.amazon.number()) for job in (done, waiting) for _ in range(499)]
    new = [kit.request() for _ in range(2)]
    asked += [command for _, command in new]
    kit.amazon.send(ups.AUCommand(pickupRequests=[command.pickupRequests[0] for command in asked]))
    numbers = [command.pickupRequests[0].seqNum for command in asked]
    for number, command in zip(numbers, asked, strict=True):
        # No room is no fault: it comes again, one by one, until it is acked.
        kit.amazon.keep_saying(number, command)
    await kit.until(
        lambda: all(kit.amazon.acks[number] for number in numbers),
        kit.patience.resend + 4 * kit.patience.ack,
        "acks of all 1,000",
    )
    waiting.load = True
    jobs = [waiting, *(job for job, _ in new)]
    for job in jobs:
        await kit.delivered(job)
    await kit.pause(kit.patience.quiet)
    for job in (done, *jobs):
        kit.check_delivered(job)


@numbers.must("5.9a", "five copies of a request are one job")
async def _(kit: Kit) -> None:
    job = kit.order()
    for _ in range(4):
        kit.amazon.send(kit.pickup(job))
    await kit.delivered(job)
    await _one_truck(kit, job)


@numbers.must("5.9b", "the same number with another content on one connection is a copy")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.acked(job.number)
    other, command = kit.request()
    other.load = False
    command.pickupRequests[0].seqNum = job.number
    acks = len(kit.amazon.acks[job.number])
    kit.amazon.send(command)
    await kit.acked(job.number, acks + 1)
    await kit.never(lambda: kit.said(LOAD, other.ship), 5 * kit.patience.tick + 1.0, "truck for the copy's shipment")
    del kit.jobs[other.ship]
    job.load = True
    await kit.delivered(job)


@numbers.must("5.9c", "copies of AUDeliverRequest deliver once")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    await kit.truck_there(job)
    await kit.until(lambda: kit.world.is_loaded(job.ship), kit.patience.trip, "the package on the truck")
    number = kit.let_go(job)
    for _ in range(4):
        kit.amazon.send(ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=number, shipId=job.ship)]))
    await kit.delivered(job)
    await asyncio.sleep(kit.patience.quiet)
    kit.check_delivered(job)


@numbers.must("5.9d", "a copy on the next connection is not done again")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.acked(job.number)
    kit.amazon.hang_up()
    await kit.until(lambda: kit.amazon.live is None, kit.patience.ack, "the end of the connection")
    await kit.connected()
    kit.amazon.send(kit.pickup(job))
    job.load = True
    await kit.delivered(job)
    await _one_truck(kit, job)


@numbers.must("5.11a", "acks of unknown numbers are ignored")
async def _(kit: Kit) -> None:
    partner = await kit.connected()
    kit.amazon.send(ups.AUCommand(acks=[0, -1, 2**63 - 1, -(2**63), kit.amazon.number()]))
    job = kit.order()
    await kit.acked(job.number)
    if partner.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@numbers.must("5.11c", "a hundred thousand acks of unknown numbers in one message are ignored")
async def _(kit: Kit) -> None:
    partner = await kit.connected()
    first = kit.amazon.number()
    kit.amazon.send(ups.AUCommand(acks=range(first, first + 100_000)))
    await kit.acked(kit.order().number)
    if partner.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@numbers.must("5.11b", "acks twice, and of what was acked before, are ignored")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order())
    kit.amazon.send(ups.AUCommand(acks=[element.number for element in kit.amazon.elements[-50:]] * 2))
    await kit.delivered(kit.order())


async def _one_truck(kit: Kit, job: Job) -> None:
    """After a delivery: no second truck comes for it."""
    trucks = {one.message.truckId for one in kit.said(LOAD, job.ship) if isinstance(one.message, ups.UALoadRequest)}
    if len(trucks) != 1:
        raise CaseFailed(f"one truck for {job.ship}", f"trucks {sorted(trucks)} came")
    numbers_of = {one.number for one in kit.said(LOAD, job.ship)}
    await kit.never(
        lambda: {one.number for one in kit.said(LOAD, job.ship)} != numbers_of,
        kit.patience.quiet,
        f"further truck for {job.ship}",
    )
