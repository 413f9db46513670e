"""Cases of section 5: numbers, acks, copies."""

import asyncio
from collections import defaultdict

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue
from proof.conform.of_amazon.kit import DELIVER, PICKUP, Kit

numbers = Catalogue()

_WITHIN_SECONDS = 1.0


@numbers.must("5.1a", "a number of ours that is one of Amazon's as well is another thing")
async def _(kit: Kit) -> None:
    job = await kit.job(load=False)
    await kit.truck_there(job)
    kit.say_load(job, job.asked[0])
    await kit.acked(job.asked[0])
    await kit.goes(job)
    await kit.delivered(job)


@numbers.must("5.3a", "numbers that begin at 1 again on a new connection are heard")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    job = await kit.job(load=False)
    truck = await kit.truck_there(job)
    await kit.dial()
    times = len(kit.ups.acks[number])
    load = ups.UALoadRequest(seqNum=number, truckId=truck, shipId=job.ship)
    job.loads.append(number)
    kit.ups.send(ups.UACommand(loadRequests=[load]))
    await kit.acked(number, times + 1)
    await kit.goes(job)
    await kit.delivered(job)


@numbers.must("5.4a", "a request that was not acked comes again on the same connection, the same")
async def _(kit: Kit) -> None:
    with kit.holding(PICKUP):
        job = await kit.job(bring=False, fresh=True)
        number = job.asked[0]
        await kit.until(
            lambda: sum(one.number == number for one in kit.said(PICKUP)) > 1,
            kit.patience.resend,
            f"a copy of {number}",
        )
    await kit.delivered(job)


@numbers.must("5.4b", "an AUDeliverRequest that was not acked comes again on the next connection")
async def _(kit: Kit) -> None:
    with kit.holding(DELIVER):
        job = await kit.job(drive=False)
        number = await kit.goes(job)
        line = await kit.dial()
        await kit.until(
            lambda: any(one.number == number and one.line == line.number for one in kit.said(DELIVER)),
            kit.patience.resend,
            f"AUDeliverRequest {number} again",
        )
    await kit.delivered(job)


@numbers.must("5.4c", "what was acked comes no more")
async def _(kit: Kit) -> None:
    job = await kit.job(bring=False)
    await asyncio.sleep(2 * kit.patience.tick + 0.5)
    since = len(kit.ups.elements)
    number = job.asked[0]
    await kit.never(
        lambda: any(one.number == number for one in kit.ups.elements[since:]),
        f"copy of {number}, which was acked",
        kit.patience.quiet + 2.0,
    )


@numbers.must("5.6a", "the same element three times is acked each time")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    for times in (1, 2, 3):
        kit.ups.send(command)
        await kit.acked(number, times)


@numbers.must("5.6b", "the same element on the next connection is acked there")
async def _(kit: Kit) -> None:
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    await kit.dial()
    kit.ups.send(command)
    await kit.acked(number, 2)


@numbers.must("5.7a", "what it acked it knows after kill -9: a truck that came")
async def _(kit: Kit) -> None:
    job = await kit.job(load=False)
    await kit.truck_there(job)
    await kit.acked(kit.say_load(job))
    await kit.kill_amazon()
    await kit.start_amazon()
    await kit.goes(job)
    await kit.delivered(job)


@numbers.must("5.7b", "what it acked it knows after kill -9: a delivery, which is not asked for again")
async def _(kit: Kit) -> None:
    job = await kit.job()
    await kit.delivered(job)
    await kit.kill_amazon()
    since = len(kit.ups.elements)
    await kit.start_amazon()
    await kit.never(
        lambda: any(one.ship == job.ship for one in kit.ups.elements[since:]),
        f"request for {job.ship}, which is delivered",
    )


@numbers.must("5.9a", "a UALoadRequest three times loads once and lets go once")
async def _(kit: Kit) -> None:
    job = await kit.job(load=False)
    truck = await kit.truck_there(job)
    number = kit.say_load(job)
    load = ups.UACommand(loadRequests=[ups.UALoadRequest(seqNum=number, truckId=truck, shipId=job.ship)])
    await kit.acked(number)
    kit.ups.send(load)
    await kit.acked(number, 2)
    kit.ups.send(load)
    await kit.acked(number, 3)
    await kit.goes(job)
    await kit.never(lambda: len(job.went) > 1, "second AUDeliverRequest")
    await kit.delivered(job)


@numbers.must("5.9b", "the same number with another content is a copy: acked, not obeyed")
async def _(kit: Kit) -> None:
    first, second = await kit.job(load=False), await kit.job(load=False)
    await kit.truck_there(first)
    truck = await kit.truck_there(second)
    number = kit.say_load(first)
    await kit.acked(number)
    other = ups.UALoadRequest(seqNum=number, truckId=truck, shipId=second.ship)
    kit.ups.send(ups.UACommand(loadRequests=[other]))
    await kit.acked(number, 2)
    await kit.goes(first)
    await kit.never(lambda: second.went, f"AUDeliverRequest for {second.ship}, whose truck was told of by nobody")
    second.load = True
    await kit.delivered(first)
    await kit.delivered(second)


@numbers.must("5.11a", "acks of unknown numbers are ignored")
async def _(kit: Kit) -> None:
    line = await kit.connected()
    kit.ups.send(ups.UACommand(acks=[0, 1, -1, 2**63 - 1, -(2**63), *range(1000, 3000)]))
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    if line.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@numbers.should("5.12a", "acks go out at once")
async def _(kit: Kit) -> None:
    took = []
    for _ in range(5):
        number, command = kit.probe()
        began = asyncio.get_running_loop().time()
        kit.ups.send(command)
        await kit.acked(number)
        took.append(kit.ups.acks[number][0] - began)
    if min(took) > _WITHIN_SECONDS:
        raise CaseFailed(f"an ack within {_WITHIN_SECONDS:g} s", f"the fastest of five took {min(took):.1f} s")


@numbers.must("5.13a", "an Err is acked, each time")
async def _(kit: Kit) -> None:
    number = kit.say_error("no such thing", -5)
    await kit.acked(number)
    kit.ups.send(ups.UACommand(error=[ups.Err(err="no such thing", originSeqNum=-5, seqNum=number)]))
    await kit.acked(number, 2)


@numbers.must("3.3a", "many elements and acks of all kinds in one message")
async def _(kit: Kit) -> None:
    numbers_of = [kit.ups.number() for _ in range(30)]
    command = ups.UACommand(acks=[1, 2, 3])
    for at, number in enumerate(numbers_of):
        if at % 3 == 0:
            command.loadRequests.add(seqNum=number, truckId=1, shipId=-number)
        elif at % 3 == 1:
            command.delivered.add(seqNum=number, shipId=-number)
        else:
            command.error.add(seqNum=number, err="conformance", originSeqNum=-number)
    kit.ups.send(command)
    for number in numbers_of:
        await kit.acked(number)


@numbers.must("5.2a", "each number stands for one element", whole_run=True)
async def _(kit: Kit) -> None:
    known: dict[int, bytes] = {}
    for one in kit.ups.elements:
        if one.number and known.setdefault(one.number, one.content) != one.content:
            raise CaseFailed(f"number {one.number} to stay what it was", f"it came as another {one.kind}")


@numbers.must("5.6c", "it acks numbers that came and no others", whole_run=True)
async def _(kit: Kit) -> None:
    if kit.ups.strange_acks:
        number, line = kit.ups.strange_acks[0]
        raise CaseFailed("acks of numbers that we used", f"{number} was acked on connection {line}")


@numbers.must("6.12a", "each ship id is one package: one warehouse, one address", whole_run=True)
async def _(kit: Kit) -> None:
    known: defaultdict[int, set[tuple[int, ...]]] = defaultdict(set)
    for one in kit.said(PICKUP):
        assert isinstance(one.message, ups.AUPickupRequest)
        place: tuple[int, ...] = (one.message.warehouseId,)
        if one.message.shipId not in kit.promised:
            place += (one.message.destinationX, one.message.destinationY)
        known[one.message.shipId].add(place)
    for ship, places in known.items():
        if len(places) > 1:
            raise CaseFailed(f"one warehouse and address for {ship}", f"{sorted(places)}")
