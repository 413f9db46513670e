"""Cases of sections 3, 6, 7 and 9: the life of a job, what goes wrong with it, errors."""

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.of_amazon.kit import DELIVER, ERROR, PICKUP, Job, Kit

jobs = Catalogue()

_ITEMS = 200
_FAR_TRUCK = 29
_AGAIN_TICKS = 20
# Less than after which a job of which nothing is heard may be told again.
_SILENCE_TICKS = 45
_TRIES = 3


def requests(job: Job) -> int:
    """How many requests for a job there were, each once."""
    return len(job.asked) + len(job.went)


@jobs.must("6.1a", "an order becomes a request for a truck, goes its way and is delivered once")
async def _(kit: Kit) -> None:
    job = await kit.job()
    await kit.delivered(job)


@jobs.must("3.4a", "the request names the warehouse where it is, and the address that was ordered")
async def _(kit: Kit) -> None:
    job = await kit.job()
    stated, real = (job.request.x, job.request.y), kit.world.warehouse(job.warehouse)
    if stated != real:
        raise CaseFailed(f"warehouse {job.warehouse} at {real}, where the world has it", f"the request says {stated}")
    if kit.orders.by_itself and job.to not in kit.placed:
        raise CaseFailed(f"an address that was ordered, such as {kit.placed[-1]}", f"{job.to}")
    await kit.delivered(job)


@jobs.must("3.4b", "items is text for people, of at most 200 characters")
async def _(kit: Kit) -> None:
    job = await kit.job()
    if not 0 < len(job.request.items) <= _ITEMS:
        raise CaseFailed(f"1 to {_ITEMS} characters of items", f"{len(job.request.items)}")
    await kit.delivered(job)


@jobs.must("6.4a", "AUDeliverRequest waits for the truck, and for the world to have loaded it")
async def _(kit: Kit) -> None:
    job = await kit.job(load=False)
    await kit.truck_there(job)
    await kit.never(lambda: job.went, "AUDeliverRequest before UALoadRequest")
    kit.say_load(job)
    await kit.goes(job)
    record = kit.world.record(job.ship)
    if record is None or record.trucks != [job.truck]:
        raise CaseFailed(f"package {job.ship} on truck {job.truck}", f"it is on {record.trucks if record else 'none'}")
    await kit.delivered(job)


@jobs.must("6.6a", "two packages on one truck")
async def _(kit: Kit) -> None:
    first, second = await kit.job(load=False), await kit.job(bring=False)
    if second.warehouse != first.warehouse:
        raise NotApplicable("two orders in a row went to different warehouses")
    truck = await kit.truck_there(first)
    second.truck = truck
    kit.say_load(first)
    kit.say_load(second)
    first.drive = second.drive = False
    await kit.goes(first)
    await kit.goes(second)
    for job in (first, second):
        record = kit.world.record(job.ship)
        if record is None or record.trucks != [truck]:
            raise CaseFailed(f"package {job.ship} on truck {truck}", f"on {record.trucks if record else 'none'}")
    await kit.delivered(first)
    await kit.delivered(second)


@jobs.must("6.10a", "a UALoadRequest for a package that is loaded: AUDeliverRequest again, under a new number")
async def _(kit: Kit) -> None:
    job = await kit.job(drive=False)
    await kit.goes(job)
    kit.say_load(job)
    await kit.goes(job, times=2)
    await kit.delivered(job)


@jobs.must("6.10b", "a UALoadRequest for a package that is delivered: acked, not obeyed")
async def _(kit: Kit) -> None:
    job = await kit.job()
    await kit.delivered(job)
    went = len(job.went)
    await kit.acked(kit.say_load(job))
    await kit.never(lambda: len(job.went) > went, "AUDeliverRequest for what is delivered")
    kit.check_delivered(job)


@jobs.must("6.10c", "a UALoadRequest for a package that nobody knows: acked, not obeyed")
async def _(kit: Kit) -> None:
    ship, number = 4_711, kit.ups.number()
    load = ups.UALoadRequest(seqNum=number, truckId=_FAR_TRUCK, shipId=ship)
    kit.ups.say(number, ups.UACommand(loadRequests=[load]))
    await kit.acked(number)
    await kit.never(lambda: kit.said(DELIVER, ship), "AUDeliverRequest for it")


@jobs.must("7.5a", "a truck that is not there is refused by the world: the same job again, and the next truck counts")
async def _(kit: Kit) -> None:
    job = await kit.job(bring=False, load=False)
    before = len(job.asked)
    await kit.acked(kit.say_load(job, truck=_FAR_TRUCK))
    await kit.until(
        lambda: len(job.asked) > before, kit.patience.trip, f"an AUPickupRequest for {job.ship} under a new number"
    )
    job.loads.clear()
    job.bring = job.load = True
    await kit.goes(job)
    await kit.delivered(job)


@jobs.must("7.7a", "a delivery that is told three times is acked each time, and nothing more")
async def _(kit: Kit) -> None:
    job = await kit.job()
    await kit.delivered(job)
    number = job.told[0]
    made = ups.UACommand(delivered=[ups.UADelivered(seqNum=number, shipId=job.ship)])
    kit.ups.send(made)
    await kit.acked(number, 2)
    before = requests(job)
    await kit.acked(kit.say_delivered(job.ship))
    await kit.never(lambda: requests(job) > before, "request for what is delivered")


@jobs.must("7.7b", "a late copy of a UALoadRequest after the delivery, on another connection, changes nothing")
async def _(kit: Kit) -> None:
    job = await kit.job()
    await kit.delivered(job)
    await kit.dial()
    number = job.loads[0]
    times, before = len(kit.ups.acks[number]), requests(job)
    late = ups.UALoadRequest(seqNum=number, truckId=job.truck, shipId=job.ship)
    kit.ups.send(ups.UACommand(loadRequests=[late]))
    await kit.acked(number, times + 1)
    await kit.never(lambda: requests(job) > before, "request for what is delivered")
    kit.check_delivered(job)


@jobs.must("7.4a", "Amazon that was killed comes back with what was not acked, under the same number")
async def _(kit: Kit) -> None:
    with kit.holding(PICKUP):
        job = await kit.job(bring=False, fresh=True)
        number = job.asked[0]
        await kit.kill_amazon()
        since = len(kit.ups.elements)
        await kit.start_amazon()
        await kit.until(
            lambda: any(one.number == number for one in kit.ups.elements[since:]),
            kit.patience.resend,
            f"{number} again",
        )
    await kit.delivered(job)


@jobs.must("9.4a", "an Err about an AUPickupRequest: the same job again, under a new number")
async def _(kit: Kit) -> None:
    job = await kit.job(bring=False)
    before = len(job.asked)
    await kit.acked(kit.say_error("no warehouse of this number", job.asked[-1]))
    seconds = _AGAIN_TICKS * kit.patience.tick + kit.patience.ack
    await kit.until(lambda: len(job.asked) > before, seconds, f"an AUPickupRequest for {job.ship} under a new number")
    await kit.delivered(job)


@jobs.must("9.4b", "an Err about an AUDeliverRequest: it tells the job again, and says go under a new number")
async def _(kit: Kit) -> None:
    job = await kit.job(drive=False)
    number, before = await kit.goes(job), len(job.asked)
    await kit.acked(kit.say_error("unknown shipId", number))
    await kit.until(
        lambda: len(job.asked) > before, kit.patience.trip, f"an AUPickupRequest for {job.ship} under a new number"
    )
    kit.say_load(job)
    await kit.goes(job, times=2)
    await kit.delivered(job)


@jobs.must("9.5a", "a second Err about the same request is acked and not obeyed")
async def _(kit: Kit) -> None:
    # A request that came because nothing was heard of the job (6.7) would look the same. It is due after 50 ticks: what
    # is said of a job as old as that proves nothing, and another job is looked at.
    for _ in range(_TRIES):
        began = kit.now
        again = await _requests_after_two_errs(kit)
        if kit.now - began < _SILENCE_TICKS * kit.patience.tick:
            if len(again) > 1:
                raise CaseFailed("one AUPickupRequest under a new number", f"{len(again)} came: {again}")
            return
    raise NotApplicable(f"it took more than {_SILENCE_TICKS} ticks to answer an Err, {_TRIES} times")


async def _requests_after_two_errs(kit: Kit) -> list[int]:
    """Numbers under which a new job is asked for again, after two Errs about the first."""
    job = await kit.job(bring=False, fresh=True)
    first = job.asked[0]
    await kit.acked(kit.say_error("no warehouse of this number", first))
    seconds = _AGAIN_TICKS * kit.patience.tick + kit.patience.ack
    await kit.until(lambda: len(job.asked) > 1, seconds, f"an AUPickupRequest for {job.ship} under a new number")
    await kit.acked(kit.say_error("really not", first))
    await kit.give_time_for(lambda: len(job.asked) > 2, _AGAIN_TICKS * kit.patience.tick / 4)
    again = job.asked[1:]
    job.bring = True
    return again


@jobs.should("9.6a", "an Err answers a UALoadRequest that it has no use for")
async def _(kit: Kit) -> None:
    number = kit.ups.number()
    load = ups.UALoadRequest(seqNum=number, truckId=_FAR_TRUCK, shipId=4_712)
    kit.ups.say(number, ups.UACommand(loadRequests=[load]))

    def answered() -> bool:
        return any(isinstance(one.message, ups.Err) and one.message.originSeqNum == number for one in kit.said(ERROR))

    await kit.until(answered, kit.patience.ack, f"an Err about {number}")


@jobs.must("6.4b", "every AUDeliverRequest of the run came after the world had loaded the package", whole_run=True)
async def _(kit: Kit) -> None:
    if kit.early:
        first = kit.early[0]
        raise CaseFailed("AUDeliverRequests for loaded packages", f"{first.number} came for {first.ship} before it was")


@jobs.must("7.7c", "no package of the run was packed, loaded or delivered twice", whole_run=True)
async def _(kit: Kit) -> None:
    for ship in kit.world.ships():
        record = kit.world.record(ship)
        assert record is not None
        counts = len(record.packed), len(record.loaded), len(record.delivered)
        if max(counts) > 1:
            raise CaseFailed(f"package {ship} packed, loaded and delivered at most once", f"{counts} times")
