"""What the mock Amazon asks UPS about an order: another address, or to give it up.

Rules (docs/ups-protocol.md 11.3, 11.4): one question of an order at a time; without an answer it is asked again under
a new number, six times in all, then it is taken for refused; a late yes is believed even so; an Err is a refusal, and
after "unknown shipId" the job is told again, once, before it is asked again. What follows for the order is in
`orders`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from partners.ups import ups_pb2 as pb
from sim.agenda import Agenda
from sim.amazon.model.parcels import Parcel
from sim.amazon.model.settings import Settings
from sim.amazon.model.ups_side import UpsSide

_QUESTIONS = 6
_UNKNOWN = "unknown shipId"


@dataclass(slots=True, eq=False)
class _Question:
    """`to` is None for "give it up"."""

    parcel: Parcel
    ship: int
    to: tuple[int, int] | None
    numbers: list[int] = field(default_factory=list)
    told_again: bool = False


class Questions:
    """All that was asked. `tell_again` tells UPS a job anew; `over` hears that a question is over."""

    def __init__(
        self,
        settings: Settings,
        ups: UpsSide,
        agenda: Agenda,
        note: Callable[[str], None],
        tell_again: Callable[[Parcel], None],
        over: Callable[[Parcel], None],
    ) -> None:
        self._settings = settings
        self._ups = ups
        self._agenda = agenda
        self._note = note
        self._tell_again = tell_again
        self._over = over
        self._asked: dict[int, _Question] = {}

    def ask(self, parcel: Parcel, to: tuple[int, int] | None, now: float) -> None:
        """Ask for another address, or (None) to give an order up."""
        parcel.wanted = to
        self._say(_Question(parcel, parcel.ship, to), now)

    def _say(self, question: _Question, now: float) -> None:
        parcel = question.parcel
        if question.to is None:
            number = self._ups.say(pb.AUCancel(shipId=question.ship))
        else:
            number = self._ups.say(pb.AURedirect(shipId=question.ship, x=question.to[0], y=question.to[1]))
        waits = min(2 ** len(question.numbers), 6)
        question.numbers.append(number)
        parcel.asked, self._asked[number] = number, question

        def look(later: float) -> None:
            if parcel.asked != number or not parcel.open:
                return
            self._ups.withdraw(number)
            if len(question.numbers) < _QUESTIONS:
                self._say(question, later)
            else:
                self._refused(question, "no answer")

        self._agenda.later(now + waits * self._settings.patience * self._settings.tick, look)

    def answered(self, origin: int, accepted: bool, reason: str, now: float) -> None:
        """UPS answered."""
        question = self._asked.get(origin)
        if question is None or not question.parcel.open:
            return
        if not accepted:
            if question.parcel.asked == origin:
                self._denied(question, reason, now)
            return
        parcel = question.parcel
        if question.to is None:
            parcel.cancelled = True
        else:
            parcel.to = question.to
            self._note(f"order {parcel.number} goes to {question.to} now")
            for number in parcel.pickups:
                # They have the address of before.
                self._ups.withdraw(number)
        self._end(question)

    def failed(self, origin: int, text: str, now: float) -> bool:
        """UPS said Err: True if it was about a question."""
        question = self._asked.get(origin)
        if question is not None and question.parcel.asked == origin:
            self._denied(question, text, now)
        return question is not None

    def _denied(self, question: _Question, reason: str, now: float) -> None:
        parcel = question.parcel
        if reason == _UNKNOWN and question.to is not None and not parcel.goes and not question.told_again:
            question.told_again = True
            self._tell_again(parcel)
            self._say(question, now)
        else:
            self._refused(question, reason)

    def _refused(self, question: _Question, reason: str) -> None:
        self._note(f"order {question.parcel.number}: UPS refused it: {reason or 'without a reason'}")
        self._end(question)

    def _end(self, question: _Question) -> None:
        parcel = question.parcel
        if parcel.asked in question.numbers:
            parcel.asked, parcel.wanted = None, None
        self._over(parcel)
