"""Cases of 11.4 to 11.7: cancels, accounts, the start of a delivery, positions."""

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.kit import DELIVERED, LOAD, Kit
from proof.conform.questions import (
    CANCELLED,
    FAR,
    KNOWN,
    SEEN,
    STARTS,
    accepted,
    answer_to,
    answers,
    cancel,
    check_account,
    given_up,
    one_answer,
    refused,
    told_until_acked,
)
from proof.conform.speech import ACCOUNT, CANCEL, POSITION, STARTED

extension = Catalogue()


@extension.must("11.4.1a", "a cancel before the word to go is accepted, and the truck drives for others")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    await given_up(kit)
    await kit.delivered(kit.order())


@extension.must("11.4.1b", "the answer to a cancel is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    with kit.holding(CANCELLED):
        number = cancel(kit, kit.unknown_ship())
        await answer_to(kit, CANCELLED, number)
        await told_until_acked(kit, CANCELLED, number)


@extension.must("11.4.1c", "copies of a cancel are acked, and answered once")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    ship = kit.unknown_ship()
    number = cancel(kit, ship)
    await one_answer(kit, CANCELLED, number, ups.AUCommand(cancels=[ups.AUCancel(seqNum=number, shipId=ship)]))


@extension.must("11.4.3a", "after a cancel requests for this ship id are acked and not obeyed")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    job = await given_up(kit)
    loads = {one.number for one in kit.said(LOAD, job.ship)}
    again, go = kit.amazon.number(), kit.amazon.number()
    kit.amazon.say(again, kit.pickup(job, again))
    kit.amazon.say(go, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=go, shipId=job.ship)]))
    await kit.acked(again)
    await kit.acked(go)
    await kit.never(
        lambda: {one.number for one in kit.said(LOAD, job.ship)} != loads or kit.said(DELIVERED, job.ship),
        10 * kit.patience.tick,
        f"news of {job.ship}, which was cancelled",
    )


@extension.must("11.4.3b", "a cancel of an unknown ship id is accepted and remembered")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    job, command = kit.request()
    del kit.jobs[job.ship]
    await accepted(kit, CANCELLED, cancel(kit, job.ship), "nobody heard of it")
    kit.amazon.say(job.number, command)
    await kit.acked(job.number)
    await kit.never(lambda: kit.said(LOAD, job.ship), 10 * kit.patience.tick, f"truck for {job.ship}, cancelled before")


@extension.must("11.4.3c", "after the word to go a cancel is refused, and the package is delivered")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    job = kit.order(go=False, to=FAR)
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    await refused(kit, CANCELLED, cancel(kit, job.ship), "it is under way")
    await kit.delivered(job)


@extension.must("11.4.3d", "a cancel of what is delivered is refused")
async def _(kit: Kit) -> None:
    kit.has(CANCEL)
    job = kit.order()
    await kit.delivered(job)
    await refused(kit, CANCELLED, cancel(kit, job.ship), "it is delivered")


@extension.must("11.5.1a", "an account check is answered with its name and its number, whatever the name")
async def _(kit: Kit) -> None:
    kit.has(ACCOUNT)
    for name in ("conformance", "", "x" * 64, "茶 \U0001f69a"):
        answer = await answer_to(kit, KNOWN, check_account(kit, name))
        if isinstance(answer, ups.UAAccountAnswer) and answer.upsName != name:
            raise CaseFailed(f"an answer about {name!r}", f"one about {answer.upsName!r} came")


@extension.should("11.5.1b", "an account check is answered within 2 s")
async def _(kit: Kit) -> None:
    kit.has(ACCOUNT)
    number = check_account(kit, "conformance")
    await kit.until(lambda: answers(kit, KNOWN, number), 2.0, f"a UAAccountAnswer with originSeqNum {number}")


@extension.must("11.5.1c", "copies of an account check are acked, and answered once")
async def _(kit: Kit) -> None:
    kit.has(ACCOUNT)
    number = check_account(kit, "conformance")
    asked = ups.AUAccountCheck(seqNum=number, upsName="conformance")
    await one_answer(kit, KNOWN, number, ups.AUCommand(accountChecks=[asked]))


@extension.must("11.5.1d", "the answer to an account check is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    kit.has(ACCOUNT)
    with kit.holding(KNOWN):
        number = check_account(kit, "conformance")
        await answer_to(kit, KNOWN, number)
        await told_until_acked(kit, KNOWN, number)


@extension.must("11.6.1a", "the start of a delivery is told once, with its truck, and after the word to go")
async def _(kit: Kit) -> None:
    kit.has(STARTED)
    job = kit.order(go=False, to=FAR)
    load = await kit.truck_there(job)
    await kit.loaded(job)
    await kit.pause(kit.patience.quiet)
    if kit.said(STARTS, job.ship):
        raise CaseFailed("no UADeliveryStarted before the word to go", "one came")
    kit.let_go(job)
    await kit.until(lambda: kit.said(STARTS, job.ship), kit.patience.trip, f"a UADeliveryStarted for {job.ship}")
    started = kit.said(STARTS, job.ship)[0]
    assert isinstance(started.message, ups.UADeliveryStarted)
    assert isinstance(load.message, ups.UALoadRequest)
    if started.message.truckId != load.message.truckId:
        raise CaseFailed(f"truck {load.message.truckId}", f"truck {started.message.truckId} was told")
    await kit.delivered(job)
    await kit.pause(kit.patience.quiet)
    numbers = {one.number for one in kit.said(STARTS, job.ship)}
    if len(numbers) != 1:
        raise CaseFailed("one UADeliveryStarted", f"{len(numbers)} came")


@extension.must("11.6.1b", "the start of a delivery is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    kit.has(STARTED)
    with kit.holding(STARTS):
        job = kit.order(to=FAR)
        await kit.until(
            lambda: len(kit.said(STARTS, job.ship)) > 1, kit.patience.trip, f"UADeliveryStarted for {job.ship}, twice"
        )
        first, second, *_ = kit.said(STARTS, job.ship)
        if (first.number, first.content) != (second.number, second.content):
            raise CaseFailed(f"{first.number} again, the same", f"{second.number} came")
    await kit.delivered(job)


@extension.must("11.6.1c", "a delivery is told as started only while the world has the truck on its way, or after")
async def _(kit: Kit) -> None:
    kit.has(STARTED)
    seen: list[tuple[int, str]] = []
    job = kit.order(to=FAR)
    kit.ears = lambda one: seen.append((one.number, kit.world.truck_status(getattr(one.message, "truckId", 0))))
    await kit.until(lambda: kit.said(STARTS, job.ship), kit.patience.trip, f"a UADeliveryStarted for {job.ship}")
    first = kit.said(STARTS, job.ship)[0]
    status = next(status for number, status in seen if number == first.number)
    await kit.delivered(job)
    if status not in ("DELIVERING", "IDLE"):
        raise CaseFailed("a truck that the world sent out", f"the world had it {status or 'nowhere'}")


@extension.must("11.7.1a", "the position of a truck under way names what is on it, and is not sent again")
async def _(kit: Kit) -> None:
    kit.has(POSITION)
    job = kit.order(to=FAR)
    await kit.delivered(job)
    mine = [one.message for one in kit.said(SEEN) if job.ship in getattr(one.message, "shipIds", ())]
    if not mine:
        raise NotApplicable("no position of this job's truck came: none has to")
    trucks = {one.message.truckId for one in kit.said(LOAD, job.ship) if isinstance(one.message, ups.UALoadRequest)}
    wrong = [one for one in mine if isinstance(one, ups.UATruckPosition) and one.truckId not in trucks]
    if wrong:
        raise CaseFailed(f"positions of truck {min(trucks)} with {job.ship} on it", f"one of {wrong[0].truckId} came")
    await kit.pause(kit.patience.quiet)
    count = len(kit.said(SEEN))
    await kit.never(
        lambda: any(job.ship in getattr(one.message, "shipIds", ()) for one in kit.said(SEEN)[count:]),
        kit.patience.quiet,
        f"position of {job.ship}, which is delivered",
    )


@extension.should("11.7.1b", "there is at most one position a truck and tick")
async def _(kit: Kit) -> None:
    kit.has(POSITION)
    job = kit.order(to=FAR)
    began = kit.now
    await kit.delivered(job)
    ticks = 2 + (kit.now - began) / kit.patience.tick
    mine = [one for one in kit.said(SEEN) if job.ship in getattr(one.message, "shipIds", ())]
    if len(mine) > 1.5 * ticks:
        raise CaseFailed(f"at most {ticks:.0f} positions in {ticks:.0f} ticks", f"{len(mine)} came")
