"""Cases of section 6 and 9: the life of a job, the same job again, refusals."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import ERROR
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import DELIVERED, LOAD, Kit

jobs = Catalogue()


@jobs.must("6.4a", "from the request for a truck to the delivery, at the right address")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order(to=(-17, 33), warehouse=2))


@jobs.must("6.1a", "thirty jobs at once, from two warehouses: each is delivered once")
async def _(kit: Kit) -> None:
    made = [kit.order(to=(at, -at), warehouse=1 + at % 2) for at in range(30)]
    for job in made:
        await kit.delivered(job)


@jobs.must("6.3a", "the truck stays until it is told to go")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    load = await kit.truck_there(job)
    assert isinstance(load.message, ups.UALoadRequest)
    truck = load.message.truckId
    await kit.until(lambda: kit.world.is_loaded(job.ship), kit.patience.trip, "the package on the truck")
    await kit.never(
        lambda: kit.world.truck_status(truck) not in ("ARRIVE WAREHOUSE", "LOADING"),
        10 * kit.patience.tick,
        f"move of truck {truck} before AUDeliverRequest",
    )
    kit.let_go(job)
    await kit.delivered(job)


@jobs.must("6.7a", "AUPickupRequest under a new number, no truck there yet: the same job")
async def _(kit: Kit) -> None:
    job = kit.order()
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number))
    await kit.acked(number)
    await kit.delivered(job)
    await asyncio.sleep(kit.patience.quiet)
    kit.check_delivered(job)


@jobs.must("6.7b", "AUPickupRequest under a new number, truck there: UALoadRequest again")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    first = await kit.truck_there(job)
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number))
    await kit.acked(number)
    await kit.until(
        lambda: any(one.number != first.number for one in kit.said(LOAD, job.ship)),
        kit.patience.trip,
        "a UALoadRequest under another number",
    )
    job.load = True
    await kit.delivered(job)


@jobs.must("6.7c", "AUPickupRequest under a new number, delivered: UADelivered again, and no truck")
async def _(kit: Kit) -> None:
    job = kit.order()
    first = await kit.delivered(job)
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number))
    await kit.acked(number)
    await kit.until(
        lambda: any(one.number != first.number for one in kit.said(DELIVERED, job.ship)),
        kit.patience.trip,
        "a UADelivered under another number",
    )
    await kit.never(
        lambda: len({one.number for one in kit.said(LOAD, job.ship)}) > 1, kit.patience.quiet, "further UALoadRequest"
    )


@jobs.must("6.7d", "AUDeliverRequest under a new number, delivered: UADelivered again")
async def _(kit: Kit) -> None:
    job = kit.order()
    first = await kit.delivered(job)
    number = kit.let_go(job)
    await kit.acked(number)
    await kit.until(
        lambda: any(one.number != first.number for one in kit.said(DELIVERED, job.ship)),
        kit.patience.trip,
        "a UADelivered under another number",
    )
    kit.check_delivered(job)


@jobs.must("6.7e", "AUDeliverRequest under a new number, on its way: one delivery")
async def _(kit: Kit) -> None:
    job = kit.order(go=False, to=(900, 900))
    await kit.truck_there(job)
    await kit.until(lambda: kit.world.is_loaded(job.ship), kit.patience.trip, "the package on the truck")
    for _ in range(3):
        await kit.acked(kit.let_go(job))
    await kit.delivered(job)
    await asyncio.sleep(kit.patience.quiet)
    kit.check_delivered(job)


@jobs.must("6.8a", "a late copy with another address does not change the address")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number, to=(77, 77)))
    await kit.acked(number)
    job.load = True
    await kit.delivered(job)


@jobs.should("9.2a", "a ship id that was never heard of is refused, with the number of the request")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    kit.amazon.say(number, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=number, shipId=number)]))
    await kit.until(lambda: number in _origins(kit), kit.patience.trip, f"an Err with originSeqNum {number}")


@jobs.should("9.2b", "a warehouse that the world does not have is refused, with the number of the request")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    del kit.jobs[job.ship]
    command.pickupRequests[0].warehouseId = 4711
    kit.amazon.say(job.number, command)
    await kit.acked(job.number)
    await kit.until(lambda: job.number in _origins(kit), kit.patience.trip, f"an Err with originSeqNum {job.number}")


def _origins(kit: Kit) -> set[int]:
    return {one.message.originSeqNum for one in kit.said(ERROR) if isinstance(one.message, ups.Err)}


# Checks of the whole run, last.


@jobs.must("5.2a", "in the whole run no number stood for two things", whole_run=True)
async def _(kit: Kit) -> None:
    known: dict[int, bytes] = {}
    for element in kit.amazon.elements:
        content = element.kind.encode() + element.content
        if known.setdefault(element.number, content) != content:
            raise CaseFailed(f"one thing under number {element.number}", "two came")


@jobs.must("6.2a", "in the whole run each truck that was announced stood at a warehouse", whole_run=True)
async def _(kit: Kit) -> None:
    for number, (truck, status) in kit.arrivals.items():
        if status not in ("ARRIVE WAREHOUSE", "LOADING"):
            raise CaseFailed(
                f"truck {truck} at the warehouse when {number} came", f"the world had it {status or 'nowhere'}"
            )


@jobs.must("6.5a", "in the whole run what was told as delivered was delivered, once", whole_run=True)
async def _(kit: Kit) -> None:
    for ship in {one.ship for one in kit.said(DELIVERED)}:
        if ship in kit.jobs:
            kit.check_delivered(kit.jobs[ship])
