"""Cases of 11.3 to 11.5: what a shopper asks for about an order, and what Amazon makes of UPS's answer."""

import asyncio

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.of_amazon.catalogue_features import extended, greeting
from proof.conform.of_amazon.kit import PICKUP, Job, Kit
from proof.conform.of_amazon.ups import Element
from proof.conform.speech import ACCOUNT, CANCEL, REDIRECT

asked = Catalogue()

REDIRECTS, CANCELS, CHECKS = "AURedirect", "AUCancel", "AUAccountCheck"
_UNKNOWN = "unknown shipId"


async def _speaking(kit: Kit, feature: str) -> None:
    if feature not in greeting(kit, await extended(kit)).features:
        raise NotApplicable(f"it does not speak {feature}")


async def _job_with_a_truck(kit: Kit, feature: str) -> Job:
    """A new order whose truck is at the warehouse, which Amazon was not told yet."""
    await _speaking(kit, feature)
    job = await kit.job(load=False, drive=False, fresh=True)
    await kit.truck_there(job)
    return job


def _elsewhere(job: Job) -> tuple[int, int]:
    return job.to[0] + 50, job.to[1] + 1


async def _redirected(kit: Kit, job: Job, times: int = 1) -> Element:
    """The AURedirect for a job, which a shopper asks for now; or the one under a further number."""
    if times == 1:
        await kit.asking.redirect(job, _elsewhere(job))
    element = await kit.question(REDIRECTS, job.ship, times)
    assert isinstance(element.message, ups.AURedirect)
    if (element.message.x, element.message.y) != _elsewhere(job):
        raise CaseFailed(f"a redirect to {_elsewhere(job)}", f"one to {(element.message.x, element.message.y)} came")
    return element


async def _answered(kit: Kit, job: Job, question: Element, *, yes: bool, reason: str = "") -> None:
    number = kit.ups.number()
    answer = ups.UARedirectAnswer(seqNum=number, originSeqNum=question.number, shipId=job.ship, accepted=yes)
    if reason:
        answer.reason = reason
    if yes:
        job.moved = _elsewhere(job)
        kit.promised.add(job.ship)
    kit.ups.say(number, ups.UACommand(redirectAnswers=[answer]))
    await kit.acked(number)


@asked.must("11.3.1a", "another address is asked of UPS, and after its yes the package goes there")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    await _answered(kit, job, await _redirected(kit, job), yes=True)
    await kit.delivered(job)


@asked.must("11.3.1b", "a redirect that is not acked comes again, the same, and each copy of the answer is acked")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    with kit.holding(REDIRECTS):
        first = await _redirected(kit, job)
        await kit.until(
            lambda: sum(one.number == first.number for one in kit.said(REDIRECTS)) > 1,
            kit.patience.resend,
            f"a copy of {first.number}",
        )
    number = kit.ups.number()
    answer = ups.UARedirectAnswer(seqNum=number, originSeqNum=first.number, shipId=job.ship, accepted=False)
    for times in (1, 2, 3):
        kit.ups.send(ups.UACommand(redirectAnswers=[answer]))
        await kit.acked(number, times)
    await kit.delivered(job)


@asked.must("11.3.5a", "before the answer to a redirect no AUDeliverRequest comes, after it one does")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    question = await _redirected(kit, job)
    await kit.acked(kit.say_load(job))
    await kit.give_time_for(lambda: kit.world.is_loaded(job.ship))
    await kit.never(lambda: job.went, f"AUDeliverRequest for {job.ship}, whose address is being asked for")
    await _answered(kit, job, question, yes=True)
    await kit.goes(job)
    await kit.delivered(job)


@asked.must("11.3.5b", "a redirect that is acked and not answered is asked again, under a new number")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    first = await _redirected(kit, job)
    again = await _redirected(kit, job, 2)
    if again.number <= first.number:
        raise CaseFailed(f"a number above {first.number} (11.3.4)", f"{again.number} came")
    await _answered(kit, job, again, yes=True)
    await kit.delivered(job)


@asked.must("11.3.6a", "after a refusal the package goes where it was to go")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    await _answered(kit, job, await _redirected(kit, job), yes=False, reason="conformance")
    await kit.delivered(job)


@asked.must("11.3.6b", "a partner without the feature is asked for no redirect and for no cancel")
async def _(kit: Kit) -> None:
    await _speaking(kit, REDIRECT)
    await kit.dial()
    job = await kit.job(load=False, drive=False, fresh=True)
    await kit.truck_there(job)
    await kit.asking.redirect(job, _elsewhere(job))
    await kit.never(lambda: kit.said(REDIRECTS, job.ship), f"AURedirect for {job.ship}")
    await kit.delivered(job)


@asked.must("11.3.7a", 'after "unknown shipId" before the word to go the job is told again, and asked again')
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    first, before = await _redirected(kit, job), len(job.asked)
    await _answered(kit, job, first, yes=False, reason=_UNKNOWN)
    await kit.until(
        lambda: len(job.asked) > before, kit.patience.trip, f"an AUPickupRequest for {job.ship} under a new number"
    )
    again = await _redirected(kit, job, 2)
    if again.number <= first.number:
        raise CaseFailed(f"a number above {first.number}", f"{again.number} came")
    await _answered(kit, job, again, yes=True)
    await kit.delivered(job)


@asked.must("11.3.7b", "an Err about a redirect is a refusal")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    question = await _redirected(kit, job)
    await kit.acked(kit.say_error("conformance", question.number))
    await kit.delivered(job)


@asked.must("11.3.8a", "after a yes the job is told again with the new address, never with the old one")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, REDIRECT)
    await _answered(kit, job, await _redirected(kit, job), yes=True)
    since, before = len(kit.ups.elements), len(job.asked)
    await kit.acked(kit.say_error("conformance", job.asked[-1]))
    await kit.until(
        lambda: len(job.asked) > before, kit.patience.trip, f"an AUPickupRequest for {job.ship} under a new number"
    )
    for one in kit.ups.elements[since:]:
        if one.kind == PICKUP and one.ship == job.ship and isinstance(one.message, ups.AUPickupRequest):
            told = one.message.destinationX, one.message.destinationY
            if told != job.to:
                raise CaseFailed(f"AUPickupRequests with {job.to}, which was promised", f"{one.number} has {told}")
    await kit.delivered(job)


async def _cancelled(kit: Kit, job: Job) -> Element:
    await kit.asking.cancel(job)
    return await kit.question(CANCELS, job.ship)


async def _answer_to_cancel(kit: Kit, job: Job, question: Element, *, yes: bool) -> None:
    number = kit.ups.number()
    answer = ups.UACancelAnswer(seqNum=number, originSeqNum=question.number, shipId=job.ship, accepted=yes)
    job.given_up = yes
    kit.ups.say(number, ups.UACommand(cancelAnswers=[answer]))
    await kit.acked(number)


@asked.must("11.4.1a", "a cancellation is asked of UPS, and after its yes nothing is asked for that package any more")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, CANCEL)
    await _answer_to_cancel(kit, job, await _cancelled(kit, job), yes=True)
    said = len(job.asked)
    await kit.never(lambda: job.went or len(job.asked) > said, f"request for {job.ship}, which is cancelled")


@asked.must("11.4.2a", "while a cancel is unanswered nothing is loaded; after a no the package goes its way")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, CANCEL)
    question = await _cancelled(kit, job)
    await kit.acked(kit.say_load(job))
    await kit.never(lambda: kit.world.is_loaded(job.ship) or job.went, f"load of {job.ship}")
    await _answer_to_cancel(kit, job, question, yes=False)
    await kit.goes(job)
    await kit.delivered(job)


@asked.must("11.4.4a", "a UALoadRequest that crossed an accepted cancel is acked and not obeyed")
async def _(kit: Kit) -> None:
    job = await _job_with_a_truck(kit, CANCEL)
    await _answer_to_cancel(kit, job, await _cancelled(kit, job), yes=True)
    await kit.acked(kit.say_load(job))
    await kit.never(lambda: kit.world.is_loaded(job.ship) or job.went, f"load of {job.ship}, which is cancelled")


async def _checked(kit: Kit, name: str) -> tuple[Element, asyncio.Task[None]]:
    """The question after an account, and the shopper who may wait for its answer."""
    await _speaking(kit, ACCOUNT)
    before = len(kit.said(CHECKS))
    asking = asyncio.ensure_future(kit.asking.check_account(name))
    try:
        await kit.until(
            lambda: len(kit.said(CHECKS)) > before or (asking.done() and asking.result()),
            kit.question_seconds,
            f"an AUAccountCheck for {name}",
        )
    except BaseException:
        asking.cancel()
        raise
    question = kit.said(CHECKS)[before]
    assert isinstance(question.message, ups.AUAccountCheck)
    if question.message.upsName != name:
        raise CaseFailed(f"the account {name}", f"{question.message.upsName!r} was asked for")
    return question, asking


@asked.must("11.5.1a", "the account that a shopper names is asked for, and the answer is acked")
async def _(kit: Kit) -> None:
    question, asking = await _checked(kit, "conformance")
    number = kit.ups.number()
    answer = ups.UAAccountAnswer(seqNum=number, originSeqNum=question.number, upsName="conformance", known=True)
    kit.ups.say(number, ups.UACommand(accountAnswers=[answer]))
    await kit.acked(number)
    await asking


@asked.must("11.5.2a", "a question after an account that is not answered holds no order up")
async def _(kit: Kit) -> None:
    _, asking = await _checked(kit, "unanswered")
    job = await kit.job(fresh=True)
    await kit.delivered(job)
    await asking
