"""Cases of 11.1 to 11.3: features, and changes of an address.

Rules: a case of a feature that the partner did not name in UAstart does not apply; whether a partner accepts is its
own affair where the document leaves it so, and is held against what the world saw.
"""

from collections.abc import Sequence

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.kit import START, Kit
from proof.conform.questions import (
    FAR,
    REDIRECTED,
    answer_to,
    answers,
    changed,
    given_up,
    one_answer,
    redirect,
    refused,
    told_until_acked,
)
from proof.conform.speech import CANCEL, FEATURES, REDIRECT

features = Catalogue()


async def _again(kit: Kit, speaks: Sequence[str] | None) -> None:
    """Makes a new connection on which we name these features; None: no hello."""
    kit.speaks = speaks
    before = await kit.connected()
    kit.amazon.hang_up()
    await kit.renewed(before)


def _names_some(kit: Kit) -> list[str]:
    named = [list(one.message.features) for one in kit.said(START) if isinstance(one.message, ups.UAstart)]
    if not named or not named[-1]:
        raise NotApplicable("the partner named no feature in UAstart")
    return named[-1]


@features.must("11.1a", "unknown names among our features are ignored")
async def _(kit: Kit) -> None:
    _names_some(kit)
    await _again(kit, (*FEATURES, "teleport", ""))
    await kit.delivered(kit.order())


@features.must("11.1b", "a hello that names nothing leaves the base")
async def _(kit: Kit) -> None:
    _names_some(kit)
    await _again(kit, ())
    await _base_only(kit)


@features.must("11.2b", "without our hello nothing of the extension comes")
async def _(kit: Kit) -> None:
    _names_some(kit)
    await _again(kit, None)
    await _base_only(kit)


@features.must("11.2c", "features are named again on the next connection")
async def _(kit: Kit) -> None:
    named = _names_some(kit)
    await _again(kit, FEATURES)
    if set(_names_some(kit)) != set(named):
        raise CaseFailed(f"{', '.join(named)} on the next connection, too", f"{', '.join(_names_some(kit))} came")


@features.must("11.2d", "an answer that is unacked when the connection breaks comes again on the next")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    with kit.holding(REDIRECTED):
        number = redirect(kit, job.ship, (6, 7))
        await answer_to(kit, REDIRECTED, number)
        await _again(kit, FEATURES)
        newest = len(kit.amazon.partners)
        await kit.until(
            lambda: any(one.connection >= newest for one in answers(kit, REDIRECTED, number)),
            kit.patience.resend,
            f"the answer to {number} on the next connection",
        )


async def _base_only(kit: Kit) -> None:
    before = len(kit.amazon.out_of_place)
    await kit.delivered(kit.order(to=FAR))
    odd = kit.amazon.out_of_place[before:]
    if odd:
        raise CaseFailed("nothing of the extension", f"a {odd[0][0]} came on connection {odd[0][1]}")


@features.must("11.3.1a", "a redirect before the word to go is answered, and what was promised is done")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    await kit.truck_there(job)
    await changed(kit, job, (41, 42))
    job.load = True
    await kit.delivered(job)


@features.must("11.3.1b", "the answer to a redirect is repeated, the same, until it is acked")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    with kit.holding(REDIRECTED):
        number = redirect(kit, job.ship, (6, 8))
        await answer_to(kit, REDIRECTED, number)
        await told_until_acked(kit, REDIRECTED, number)


@features.must("11.3.1c", "copies of a redirect are acked, and answered once")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    number = redirect(kit, job.ship, (7, 8))
    asked = ups.AURedirect(seqNum=number, shipId=job.ship, x=7, y=8)
    await one_answer(kit, REDIRECTED, number, ups.AUCommand(redirects=[asked]))


@features.should("11.3.1d", "a refusal has a reason")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    answer = await answer_to(kit, REDIRECTED, redirect(kit, kit.unknown_ship(), (1, 1)))
    if isinstance(answer, ups.UARedirectAnswer) and not answer.accepted and not answer.reason:
        raise CaseFailed("a reason for the shopper", "none was given")


@features.must("11.3.2a", "before the truck was sent out a redirect is accepted")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(go=False)
    await kit.loaded(job)
    if not await changed(kit, job, (44, 45)):
        raise CaseFailed("the change accepted, since no truck was sent out", "it was refused")
    kit.let_go(job)
    await kit.delivered(job)


@features.must("11.3.2b", "under way a redirect is answered truthfully")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(go=False, to=FAR)
    await kit.loaded(job)
    await kit.acked(kit.let_go(job))
    await kit.pause(2 * kit.patience.tick)
    await changed(kit, job, (20, 20))
    await kit.delivered(job)


@features.must("11.3.3a", "a redirect of what is delivered is refused")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order()
    await kit.delivered(job)
    await refused(kit, REDIRECTED, redirect(kit, job.ship, (1, 2)), "it is delivered")
    kit.check_delivered(job)


@features.must("11.3.3b", "a redirect of an unknown ship id is refused")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    await refused(kit, REDIRECTED, redirect(kit, kit.unknown_ship(), (1, 2)), "nobody heard of it")


@features.must("11.3.3c", "a redirect of what was cancelled is refused")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT, CANCEL)
    job = await given_up(kit)
    await refused(kit, REDIRECTED, redirect(kit, job.ship, (1, 2)), "it is cancelled")


@features.must("11.3.4a", "a redirect with a lower number than one that was accepted is refused")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    await kit.truck_there(job)
    earlier = kit.amazon.number()
    if await changed(kit, job, (51, 52)):
        await refused(kit, REDIRECTED, redirect(kit, job.ship, (99, 99), earlier), "a newer one was accepted")
    job.load = True
    await kit.delivered(job)


@features.must("11.3.4b", "late copies of the request for the truck do not undo a redirect")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    await kit.truck_there(job)
    first = kit.pickup(job)
    await changed(kit, job, (53, 54))
    kit.amazon.send(first)
    number = kit.amazon.number()
    first.pickupRequests[0].seqNum = number
    kit.amazon.say(number, first)
    await kit.acked(number)
    job.load = True
    await kit.delivered(job)


@features.must("11.3.4c", "of two redirects the later one counts, and a copy of the first changes nothing")
async def _(kit: Kit) -> None:
    kit.has(REDIRECT)
    job = kit.order(load=False)
    await kit.truck_there(job)
    number = redirect(kit, job.ship, (55, 56))
    await answer_to(kit, REDIRECTED, number)
    first = ups.AURedirect(seqNum=number, shipId=job.ship, x=55, y=56)
    await changed(kit, job, (57, 58))
    kit.amazon.send(ups.AUCommand(redirects=[first]))
    await kit.pause(kit.patience.quiet)
    job.load = True
    await kit.delivered(job)
