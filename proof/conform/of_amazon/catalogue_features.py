"""Cases of sections 11 and 12: what is said to a partner that names features, and to one that names none."""

from collections.abc import Sequence

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.of_amazon.catalogue_jobs import requests
from proof.conform.of_amazon.kit import Kit
from proof.conform.of_amazon.ups import HELLO, Line
from proof.conform.speech import CONTRACT, FEATURES, POSITION, STARTED, contract_lines, fingerprint
from proof.conform.wording import as_text, shortened

features = Catalogue()

_FIRST_OF_THE_EXTENSION = 10
_OF_FEATURE = {"redirects": "redirect", "cancels": "cancel", "accountChecks": "account-check"}


def greeting(kit: Kit, line: Line) -> ups.AUHello:
    """The hello that came on a connection; NotApplicable if Amazon speaks nothing of the extension."""
    for one in kit.said(HELLO):
        if one.line == line.number:
            assert isinstance(one.message, ups.AUHello)
            return one.message
    raise NotApplicable("it says no hello: it speaks the base alone")


async def extended(kit: Kit, named: Sequence[str] = FEATURES, contract: ups.Contract | None = None) -> Line:
    """A connection on which we named features, and time for a hello."""
    line = await kit.dial(named, contract)
    await kit.give_time_for(lambda: any(one.line == line.number for one in kit.said(HELLO)))
    return line


@features.must("11.1a", "a UAstart that names features is answered with a hello, in the first AUCommand after it")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    greeting(kit, line)
    if not line.messages[0].HasField("hello"):
        raise CaseFailed("hello in the first AUCommand", "it came later")


@features.must("11.1b", "names of features that nobody knows are ignored")
async def _(kit: Kit) -> None:
    line = await extended(kit, ("teleport", "redirect", ""))
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    if line.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@features.must("11.1c", "UAstart without features on a live connection takes them back")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    greeting(kit, line)
    await kit.acked(kit.ups.announce(line, kit.world.id))
    since = len(line.messages)
    job = await kit.job()
    await kit.delivered(job)
    check_base(line, line.messages[since:])


@features.must("11.2a", "an order goes its way with a partner that names every feature")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    on = set(greeting(kit, line).features)
    job = await kit.job(drive=False)
    await kit.goes(job)
    if STARTED in on:
        started = ups.UADeliveryStarted(seqNum=kit.ups.number(), shipId=job.ship, truckId=job.truck)
        kit.ups.say(started.seqNum, ups.UACommand(deliveryStarted=[started]))
        await kit.acked(started.seqNum)
    await kit.delivered(job)


@features.must("11.6.1a", "a delivery that is said to have started after it ended is acked and not obeyed")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    if STARTED not in greeting(kit, line).features:
        raise NotApplicable(f"it does not speak {STARTED}")
    job = await kit.job()
    await kit.delivered(job)
    before = requests(job)
    late = ups.UADeliveryStarted(seqNum=kit.ups.number(), shipId=job.ship, truckId=job.truck)
    kit.ups.say(late.seqNum, ups.UACommand(deliveryStarted=[late]))
    await kit.acked(late.seqNum)
    await kit.never(lambda: requests(job) > before, "request for what is delivered")


@features.must("11.7.1a", "a thousand positions of trucks, known and unknown, do no harm")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    if POSITION not in greeting(kit, line).features:
        raise NotApplicable(f"it does not speak {POSITION}")
    for at in range(1000):
        where = ups.UATruckPosition(truckId=at, x=at, y=-at, shipIds=[at, -at])
        kit.ups.send(ups.UACommand(truckPositions=[where]))
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)


@features.must("12.3a", "the contract in hello, for a partner that names the feature")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    hello = greeting(kit, line)
    if CONTRACT not in hello.features:
        raise NotApplicable(f"it does not speak {CONTRACT}")
    if not hello.HasField("contract"):
        raise CaseFailed("hello.contract", "hello names the feature and brings none")


@features.must("12.2a", "its fingerprint is that of its fields")
async def _(kit: Kit) -> None:
    line = await extended(kit)
    hello = greeting(kit, line)
    if not hello.contract.fields:
        raise NotApplicable("it names no fields")
    computed, told = fingerprint(map(as_text, hello.contract.fields)), as_text(hello.contract.fingerprint)
    if told != computed:
        raise CaseFailed(f"the fingerprint {computed} of the fields it names", f"{shortened(told)} came")


@features.must("12.5a", "a contract that differs: the connection stays")
async def _(kit: Kit) -> None:
    lines = [one.replace("UACommand 3 repeated", "UACommand 8 repeated") for one in contract_lines()]
    other = ups.Contract(fingerprint=fingerprint(lines), fields=lines)
    line = await extended(kit, (CONTRACT,), other)
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    if line.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@features.must("12.5b", "a contract of nonsense: the connection stays")
async def _(kit: Kit) -> None:
    nonsense = ups.Contract(fingerprint="", fields=["", "UACommand", "a b c d e f", "UAstart -1 maybe int9 x" * 100])
    line = await extended(kit, (CONTRACT,), nonsense)
    number, command = kit.probe()
    kit.ups.send(command)
    await kit.acked(number)
    if line.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@features.must("11.2b", "nothing of the extension came to a partner that named nothing", whole_run=True)
async def _(kit: Kit) -> None:
    for line in kit.ups.lines:
        if not line.extended:
            check_base(line, line.messages)


@features.must("11.2c", "every element of the extension belongs to a feature that both named", whole_run=True)
async def _(kit: Kit) -> None:
    for line in kit.ups.lines:
        both: set[str] = set()
        for message in line.messages:
            if message.HasField("hello"):
                both = set(message.hello.features) & set(FEATURES)
            for field, feature in _OF_FEATURE.items():
                if getattr(message, field) and feature not in both:
                    raise CaseFailed(f"no {field} without {feature}", f"it came on connection {line.number}")


def check_base(line: Line, messages: Sequence[ups.AUCommand]) -> None:
    """Raises CaseFailed if anything of the extension is in these messages."""
    for message in messages:
        extra = [field.name for field, _ in message.ListFields() if field.number >= _FIRST_OF_THE_EXTENSION]
        if extra:
            raise CaseFailed(f"the base alone on connection {line.number}", f"{extra[0]} came")
