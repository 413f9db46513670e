"""Cases of section 5: acks, copies, lost connections, the two spaces of numbers, errors."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import ERROR
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import DELIVERED, LOAD, Job, Kit

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


@numbers.must("5.6d", "only numbers that came are acked")
async def _(kit: Kit) -> None:
    sent = {job.number for job in kit.jobs.values()} | {number for job in kit.jobs.values() for number in job.went}
    job = kit.order(load=False)
    await kit.acked(job.number)
    never_sent = kit.amazon.number()
    if kit.amazon.acks.get(never_sent):
        raise CaseFailed("no ack of a number that was never sent", f"{never_sent} was acked")
    if job.number in sent:
        raise CaseFailed("a fresh number", f"{job.number} was used before")


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


@numbers.must("5.11b", "acks twice, and of what was acked before, are ignored")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order())
    kit.amazon.send(ups.AUCommand(acks=[element.number for element in kit.amazon.elements[-50:]] * 2))
    await kit.delivered(kit.order())


@numbers.must("5.13a", "a request that cannot be done is acked, whether an Err answers it or not")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    go = ups.AUDeliverRequest(seqNum=number, shipId=kit.amazon.number())
    kit.amazon.say(number, ups.AUCommand(deliverRequests=[go]))
    await kit.acked(number)


@numbers.must("5.13b", "an Err, where one comes, is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    with kit.holding(ERROR):
        number = await _refused(kit)
        if number is None:
            return
        mine = [one for one in kit.said(ERROR) if _origin(one.message) == number]
        await kit.until(
            lambda: len([one for one in kit.said(ERROR) if _origin(one.message) == number]) >= 2,
            kit.patience.resend,
            "the Err again, as it is not acked",
        )
        copy = [one for one in kit.said(ERROR) if _origin(one.message) == number][1]
        if copy.content != mine[0].content:
            raise CaseFailed(f"the same Err {mine[0].number}", f"number {copy.number} came")


@numbers.must("9.6a", "an Err of ours is acked, whatever it is about")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    error = ups.Err(err="a test of the conformance kit", originSeqNum=kit.amazon.number(), seqNum=number)
    kit.amazon.say(number, ups.AUCommand(error=[error]))
    await kit.acked(number)


async def _refused(kit: Kit) -> int | None:
    """Says "go" for a ship id that was never heard of, and waits for the Err: the request's number; None: none came."""
    number = kit.amazon.number()
    go = ups.AUDeliverRequest(seqNum=number, shipId=kit.amazon.number())
    kit.amazon.say(number, ups.AUCommand(deliverRequests=[go]))
    try:
        await kit.until(
            lambda: any(_origin(one.message) == number for one in kit.said(ERROR)), kit.patience.ack, "an Err"
        )
    except CaseFailed:
        return None
    return number


def _origin(message: object) -> int | None:
    return message.originSeqNum if isinstance(message, ups.Err) else None


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
