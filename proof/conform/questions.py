"""What a case asks of a partner that speaks the extension, and how it waits for the answers."""

from partners.ups import ups_pb2 as ups
from proof.conform.amazon import Element
from proof.conform.cases import CaseFailed
from proof.conform.kit import Job, Kit

REDIRECTED, CANCELLED, KNOWN = "UARedirectAnswer", "UACancelAnswer", "UAAccountAnswer"
STARTS, SEEN = "UADeliveryStarted", "UATruckPosition"
FAR = (700, 700)

Answer = ups.UARedirectAnswer | ups.UACancelAnswer | ups.UAAccountAnswer


def redirect(kit: Kit, ship: int, to: tuple[int, int], number: int | None = None) -> int:
    """Asks for another address; gives the number."""
    number = kit.amazon.number() if number is None else number
    kit.changes[number] = to
    asked = ups.AURedirect(seqNum=number, shipId=ship, x=to[0], y=to[1])
    kit.amazon.say(number, ups.AUCommand(redirects=[asked]))
    return number


def cancel(kit: Kit, ship: int) -> int:
    """Asks to give a job up; gives the number."""
    number = kit.amazon.number()
    kit.amazon.say(number, ups.AUCommand(cancels=[ups.AUCancel(seqNum=number, shipId=ship)]))
    return number


def check_account(kit: Kit, name: str) -> int:
    """Asks after an account; gives the number."""
    number = kit.amazon.number()
    kit.amazon.say(number, ups.AUCommand(accountChecks=[ups.AUAccountCheck(seqNum=number, upsName=name)]))
    return number


def answers(kit: Kit, kind: str, number: int) -> list[Element]:
    """The answers to a question, copies included."""
    return [one for one in kit.said(kind) if getattr(one.message, "originSeqNum", None) == number]


async def answer_to(kit: Kit, kind: str, number: int) -> Answer:
    """Waits for the answer to a question, and gives it."""
    await kit.acked(number)
    await kit.until(lambda: answers(kit, kind, number), kit.patience.trip, f"a {kind} with originSeqNum {number}")
    message = answers(kit, kind, number)[0].message
    assert isinstance(message, Answer)
    return message


async def changed(kit: Kit, job: Job, to: tuple[int, int]) -> bool:
    """Asks for another address; whether it was promised."""
    answer = await answer_to(kit, REDIRECTED, redirect(kit, job.ship, to))
    assert isinstance(answer, ups.UARedirectAnswer)
    if answer.shipId != job.ship:
        raise CaseFailed(f"an answer about {job.ship}", f"one about {answer.shipId} came")
    return answer.accepted


async def refused(kit: Kit, kind: str, number: int, why: str) -> None:
    """Waits for the answer to a question; raises CaseFailed if it is yes."""
    answer = await answer_to(kit, kind, number)
    if not isinstance(answer, ups.UAAccountAnswer) and answer.accepted:
        raise CaseFailed(f"a refusal: {why}", f"{number} was accepted")


async def accepted(kit: Kit, kind: str, number: int, why: str) -> None:
    """Waits for the answer to a question; raises CaseFailed if it is no."""
    answer = await answer_to(kit, kind, number)
    if not isinstance(answer, ups.UAAccountAnswer) and not answer.accepted:
        raise CaseFailed(f"{number} accepted: {why}", f"it was refused: {answer.reason or 'no reason given'}")


async def told_until_acked(kit: Kit, kind: str, number: int) -> None:
    """Waits for copies of an answer that is not acked, all alike."""
    await kit.until(lambda: len(answers(kit, kind, number)) > 1, kit.patience.resend, f"{kind} again, unacked")
    first, *copies = answers(kit, kind, number)
    for copy in copies:
        if (copy.number, copy.content) != (first.number, first.content):
            raise CaseFailed(f"{kind} {first.number} again, the same", f"{copy.number} came")


async def one_answer(kit: Kit, kind: str, number: int, again: ups.AUCommand) -> None:
    """Sends the same question twice more: each copy is acked, none is answered anew."""
    await answer_to(kit, kind, number)
    for _ in range(2):
        acks = len(kit.amazon.acks[number])
        kit.amazon.send(again)
        await kit.acked(number, acks + 1)
    await kit.pause(kit.patience.quiet)
    numbers = {one.number for one in answers(kit, kind, number)}
    if len(numbers) != 1:
        raise CaseFailed(f"one answer to {number}", f"{len(numbers)} came, under {sorted(numbers)}")


async def given_up(kit: Kit) -> Job:
    """A job that was cancelled before its package was loaded; it is nobody's business any more."""
    job = kit.order(load=False)
    await kit.truck_there(job)
    await accepted(kit, CANCELLED, cancel(kit, job.ship), "the word to go did not come")
    del kit.jobs[job.ship]
    return job
