"""Cases of section 3: what one message may hold, and what its fields may hold."""

from partners.ups import ups_pb2 as ups
from proof.conform.cases import Catalogue
from proof.conform.kit import Kit

messages = Catalogue()


@messages.must("3.3a", "five requests in one message")
async def _(kit: Kit) -> None:
    made = [kit.request(warehouse=1 + at % 2) for at in range(5)]
    asked = [command.pickupRequests[0] for _, command in made]
    kit.amazon.send(ups.AUCommand(pickupRequests=asked))
    for job, command in made:
        kit.amazon.keep_saying(job.number, command)
    for job, _ in made:
        await kit.acked(job.number)
    for job, _ in made:
        await kit.delivered(job)


@messages.must("3.3b", "a request for a truck, a word to go, acks and an Err in one message")
async def _(kit: Kit) -> None:
    going = kit.order(go=False)
    load = await kit.truck_there(going)
    await kit.loaded(going)
    job, command = kit.request()
    go, error = kit.amazon.number(), kit.amazon.number()
    command.deliverRequests.add(seqNum=go, shipId=going.ship)
    command.error.add(err="a test of the conformance kit", originSeqNum=kit.amazon.number(), seqNum=error)
    command.acks.append(load.number)
    kit.amazon.send(command)
    for number in (job.number, go, error):
        await kit.acked(number)
    await kit.delivered(going)
    await kit.delivered(job)


@messages.must("3.3c", "elements in the falling order of their numbers")
async def _(kit: Kit) -> None:
    made = [kit.request() for _ in range(4)]
    asked = [command.pickupRequests[0] for _, command in reversed(made)]
    kit.amazon.send(ups.AUCommand(pickupRequests=asked))
    for job, command in made:
        kit.amazon.keep_saying(job.number, command)
        await kit.acked(job.number)
    for job, _ in made:
        await kit.delivered(job)


@messages.must("3.3d", "of two requests for one package in one message the lower number is the first")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    again = kit.pickup(job, kit.amazon.number(), to=(job.to[0] + 9, job.to[1] + 9)).pickupRequests[0]
    # The second is the same job again, and changes no address (6.8): so the package goes where the first says.
    kit.amazon.send(ups.AUCommand(pickupRequests=[again, command.pickupRequests[0]]))
    for number in (job.number, again.seqNum):
        await kit.acked(number)
    await kit.delivered(job)


@messages.must("3.4a", "a request without a UPS account")
async def _(kit: Kit) -> None:
    job, command = kit.request()
    command.pickupRequests[0].ClearField("upsName")
    kit.amazon.say(job.number, command)
    await kit.delivered(job)


@messages.must("3.4b", "items of no characters, and of 200 of any kind")
async def _(kit: Kit) -> None:
    for text in ("", '2 x Green tea, 1 x Kettle\n\0\t"{}' + "\U0001f69a" * 165):
        job, command = kit.request()
        command.pickupRequests[0].items = text
        kit.amazon.say(job.number, command)
        await kit.delivered(job)


@messages.must("3.4c", "an address far away, below zero, and the warehouse itself")
async def _(kit: Kit) -> None:
    for place in ((-321, -4), (10, 10), (0, 0)):
        await kit.delivered(kit.order(to=place))
