"""Cases of section 9, and of 5.13: refusals, theirs and ours."""

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import ERROR
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.kit import Kit

errors = Catalogue()


@errors.must("5.13a", "a request that cannot be done is acked, whether an Err answers it or not")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    go = ups.AUDeliverRequest(seqNum=number, shipId=kit.amazon.number())
    kit.amazon.say(number, ups.AUCommand(deliverRequests=[go]))
    await kit.acked(number)


@errors.must("5.13b", "an Err, where one comes, is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    with kit.holding(ERROR):
        number = await _refused(kit)
        if number is None:
            raise NotApplicable("the partner says no Err here (9.2)")
        mine = [one for one in kit.said(ERROR) if _origin(one.message) == number]
        await kit.until(
            lambda: len([one for one in kit.said(ERROR) if _origin(one.message) == number]) >= 2,
            kit.patience.resend,
            "the Err again, as it is not acked",
        )
        copy = [one for one in kit.said(ERROR) if _origin(one.message) == number][1]
        if copy.content != mine[0].content:
            raise CaseFailed(f"the same Err {mine[0].number}", f"number {copy.number} came")


@errors.must("9.6a", "an Err of ours is acked, whatever it is about")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    error = ups.Err(err="a test of the conformance kit", originSeqNum=kit.amazon.number(), seqNum=number)
    kit.amazon.say(number, ups.AUCommand(error=[error]))
    await kit.acked(number)


@errors.must("9.6b", "each copy of an Err of ours is acked")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    error = ups.Err(err="a test of the conformance kit", originSeqNum=1, seqNum=number)
    for times in (1, 2, 3):
        kit.amazon.send(ups.AUCommand(error=[error]))
        await kit.acked(number, times)


@errors.must("9.3a", "an Err uses its request up: a copy of that is acked, and brings no further Err")
async def _(kit: Kit) -> None:
    number = await _refused(kit)
    if number is None:
        raise NotApplicable("the partner says no Err here (9.2)")
    acks = len(kit.amazon.acks[number])
    mine = {one.number for one in kit.said(ERROR) if _origin(one.message) == number}
    go = ups.AUDeliverRequest(seqNum=number, shipId=number - 1)
    kit.amazon.send(ups.AUCommand(deliverRequests=[go]))
    await kit.acked(number, acks + 1)
    await kit.never(
        lambda: {one.number for one in kit.said(ERROR) if _origin(one.message) == number} != mine,
        kit.patience.quiet,
        f"second Err about {number}",
    )


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


@errors.should("9.2a", "a ship id that was never heard of is refused, with the number of the request")
async def _(kit: Kit) -> None:
    number = kit.amazon.number()
    kit.amazon.say(number, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=number, shipId=number)]))
    await kit.until(lambda: number in _origins(kit), kit.patience.trip, f"an Err with originSeqNum {number}")


@errors.should("9.2b", "a warehouse that the world does not have is refused, with the number of the request")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    del kit.jobs[job.ship]
    command.pickupRequests[0].warehouseId = 4711
    kit.amazon.say(job.number, command)
    await kit.acked(job.number)
    await kit.until(lambda: job.number in _origins(kit), kit.patience.trip, f"an Err with originSeqNum {job.number}")


def _origins(kit: Kit) -> set[int]:
    return {one.message.originSeqNum for one in kit.said(ERROR) if isinstance(one.message, ups.Err)}
