"""Cases of section 6: the life of a job, and the same job again."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import ERROR
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.kit import DELIVERED, LOAD, Kit
from proof.conform.world import WAREHOUSES

jobs = Catalogue()


@jobs.must("6.4a", "from the request for a truck to the delivery, at the right address")
async def _(kit: Kit) -> None:
    await kit.delivered(kit.order(to=(-17, 33), warehouse=2))


@jobs.must("6.1a", "thirty jobs at once, from two warehouses: each is delivered once")
async def _(kit: Kit) -> None:
    made = [kit.order(to=(at, -at), warehouse=1 + at % 2) for at in range(30)]
    for job in made:
        await kit.delivered(job)


@jobs.must("6.1b", "sixty jobs at once: who has to wait for a truck waits, without an Err")
async def _(kit: Kit) -> None:
    errors = len(kit.said(ERROR))
    made = [kit.order(to=(at, at), warehouse=1 + at % 2) for at in range(60)]
    for job in made:
        await kit.delivered(job)
    if len(kit.said(ERROR)) > errors:
        raise CaseFailed("no Err for want of a truck", "one came")


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


@jobs.must("6.5b", "nothing is told as delivered before the word to go")
async def _(kit: Kit) -> None:
    job = kit.order(go=False)
    await kit.loaded(job)
    await kit.never(lambda: kit.said(DELIVERED, job.ship), 5 * kit.patience.tick, "UADelivered before AUDeliverRequest")
    kit.let_go(job)
    await kit.delivered(job)


@jobs.must("6.6a", "for each of three jobs of one warehouse there is a UALoadRequest of its own")
async def _(kit: Kit) -> None:
    made = [kit.order(load=False, warehouse=2) for _ in range(3)]
    numbers = {(await kit.truck_there(job)).number for job in made}
    if len(numbers) != len(made):
        raise CaseFailed("three UALoadRequests", f"{len(numbers)} came")
    for job in made:
        job.load = True
    for job in made:
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


@jobs.must("6.7f", "AUPickupRequest under a new number, on its way: no second truck, one delivery")
async def _(kit: Kit) -> None:
    job = kit.order(go=False, to=(900, 900))
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    loads = {one.number for one in kit.said(LOAD, job.ship)}
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number))
    await kit.acked(number)
    await kit.delivered(job)
    await kit.pause(kit.patience.quiet)
    kit.check_delivered(job)
    later = {one.number for one in kit.said(LOAD, job.ship)} - loads
    if later:
        raise CaseFailed("no truck for a package that is under way", f"UALoadRequest {min(later)} came")


@jobs.must("6.7g", "three requests for one job under three numbers in one message: one delivery")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    for _ in range(2):
        command.pickupRequests.append(kit.pickup(job, kit.amazon.number()).pickupRequests[0])
    kit.amazon.send(command)
    for asked in command.pickupRequests:
        await kit.acked(asked.seqNum)
    await kit.delivered(job)
    await kit.pause(kit.patience.quiet)
    kit.check_delivered(job)


@jobs.must("6.8b", "a late copy with another warehouse does not send the truck there")
async def _(kit: Kit) -> None:
    job = kit.order(load=False, warehouse=1)
    await kit.truck_there(job)
    number = kit.amazon.number()
    other = kit.pickup(job, number)
    (other.pickupRequests[0].x, other.pickupRequests[0].y) = WAREHOUSES[2]
    other.pickupRequests[0].warehouseId = 2
    kit.amazon.say(number, other)
    await kit.acked(number)
    job.load = True
    await kit.delivered(job)


@jobs.must("6.8c", "an old copy, under its old number, changes no address on the next connection either")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)
    acks = len(kit.amazon.acks[job.number])
    kit.amazon.send(kit.pickup(job, to=(88, 88)))
    await kit.acked(job.number, acks + 1)
    job.load = True
    await kit.delivered(job)


@jobs.must("6.8a", "a late copy with another address does not change the address")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number, to=(77, 77)))
    await kit.acked(number)
    job.load = True
    await kit.delivered(job)
