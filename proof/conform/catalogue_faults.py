"""Cases of section 7, without restarts: trucks that are gone, refusals, late, twice, out of order."""

from random import Random

from partners.ups import ups_pb2 as ups
from proof.conform.cases import Catalogue
from proof.conform.kit import LOAD, START, Kit

faults = Catalogue()


@faults.must("7.5a", "when the truck was gone and is asked for again, a UALoadRequest comes again")
async def _(kit: Kit) -> None:
    job = kit.order(load=False)
    await kit.truck_there(job)
    told = len({one.number for one in kit.said(LOAD, job.ship)})
    for _ in range(2):
        number = kit.amazon.number()
        kit.amazon.say(number, kit.pickup(job, number))
    await kit.until(
        lambda: len({one.number for one in kit.said(LOAD, job.ship)}) > told,
        kit.patience.trip,
        "a further UALoadRequest",
    )
    job.load = True
    await kit.delivered(job)


@faults.must("7.7a", "the word to go comes before the request for the truck: nothing is lost by it")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    early = kit.amazon.number()
    kit.amazon.say(early, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=early, shipId=job.ship)]))
    await kit.acked(early)
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@faults.must("7.7b", "the word to go while the truck is on its way: nothing is lost by it")
async def _(kit: Kit) -> None:
    job = kit.order()
    early = kit.amazon.number()
    kit.amazon.say(early, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=early, shipId=job.ship)]))
    await kit.acked(early)
    # As Amazon does after an Err or after long: the same job again.
    number = kit.amazon.number()
    kit.amazon.say(number, kit.pickup(job, number))
    await kit.delivered(job)


@faults.must("7.7c", "all that was ever said about a job comes once more, the other way round: nothing goes back")
async def _(kit: Kit) -> None:
    job = kit.order()
    await kit.delivered(job)
    for number in reversed(job.went):
        kit.amazon.send(ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=number, shipId=job.ship)]))
    kit.amazon.send(kit.pickup(job))
    await kit.pause(kit.patience.quiet)
    kit.check_delivered(job)
    await kit.delivered(kit.order())


@faults.must("7.7d", "copies, losses, another order and cut connections together (by a generator with a fixed seed)")
async def _(kit: Kit) -> None:
    chance = Random(77)
    kit.amazon.deaf_to = lambda element: element.kind != START and chance.random() < 0.3
    made = [kit.request(to=(at, -at), warehouse=1 + at % 2) for at in range(10)]
    said = [made[chance.randrange(10)] for _ in range(20)] + made
    chance.shuffle(said)
    for at, (job, command) in enumerate(said):
        kit.amazon.say(job.number, command)
        if at % 10 == 9:
            before = await kit.connected()
            kit.amazon.hang_up()
            await kit.renewed(before)
    for job, _command in made:
        await kit.delivered(job)
    await kit.pause(kit.patience.quiet)
    for job, _command in made:
        kit.check_delivered(job)


@faults.must("7.6a", 'after "unknown shipId" the job is told again, and delivered')
async def _(kit: Kit) -> None:
    job, command = kit.request()
    go = kit.amazon.number()
    kit.amazon.say(go, ups.AUCommand(deliverRequests=[ups.AUDeliverRequest(seqNum=go, shipId=job.ship)]))
    await kit.acked(go)
    await kit.pause(2 * kit.patience.tick)
    kit.amazon.say(job.number, command)
    await kit.truck_there(job)
    await kit.delivered(job)
