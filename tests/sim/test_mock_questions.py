"""What the mock Amazon asks about an order: again without an answer, six times, and what each answer comes to."""

import pytest

from partners.ups import ups_pb2 as pb
from sim.agenda import Agenda
from sim.amazon.model.parcels import Parcel
from sim.amazon.model.questions import Questions
from sim.amazon.model.settings import Settings
from sim.amazon.model.ups_side import UpsSide
from sim.amazon.script import Order
from sim.ups.model.extension import FEATURES

TO, ELSEWHERE = (5, 9), (7, 7)
TICK = 1.0


class Room:
    def __init__(self) -> None:
        settings = Settings(tick=TICK)
        self.agenda, self.ups, self.now = Agenda(), UpsSide(settings), 0.0
        self.ups.start(1, pb.UAstart(worldid=1, seqnum=1, features=FEATURES))
        self.ups.holding = False
        self.told_again: list[Parcel] = []
        self.parcel = Parcel(1, Order(0, 1, TO), 11, TO)
        self.questions = Questions(
            settings, self.ups, self.agenda, lambda _: None, self.told_again.append, lambda _parcel: None
        )

    def pass_ticks(self, ticks: float) -> list[int]:
        """The numbers of redirects and cancels that are sent meanwhile, the same as often as it is sent."""
        sent: list[int] = []
        until = self.now + ticks * TICK
        while self.now < until:
            self.now += TICK / 2
            self.agenda.run(self.now)
            command = self.ups.command(self.now)
            if command is not None:
                sent += [one.seqNum for one in (*command.redirects, *command.cancels)]
        return sent


def test_without_an_answer_it_is_asked_six_times_and_taken_for_refused_and_a_late_yes_is_believed() -> None:
    room = Room()
    room.questions.ask(room.parcel, ELSEWHERE, 0.0)
    first = set(room.pass_ticks(49))
    assert len(first) == 1
    numbers = sorted(first | set(room.pass_ticks(2000)))
    assert len(numbers) == 6
    assert (room.parcel.asked, room.parcel.to) == (None, TO)
    room.questions.answered(numbers[0], True, "", room.now)
    assert room.parcel.to == ELSEWHERE


@pytest.mark.parametrize("yes", [True, False])
def test_an_answer_ends_the_question(yes: bool) -> None:
    room = Room()
    room.parcel.pickups.append(
        room.ups.say(
            pb.AUPickupRequest(
                shipId=11, warehouseId=1, x=10, y=10, destinationX=5, destinationY=9, items="1 x a thing"
            )
        )
    )
    room.questions.ask(room.parcel, ELSEWHERE, 0.0)
    (number,) = set(room.pass_ticks(1))
    room.ups.acked(iter([number]))
    room.questions.answered(number, yes, "no", room.now)
    assert (room.parcel.asked, room.parcel.to) == (None, ELSEWHERE if yes else TO)
    assert room.pass_ticks(400) == []
    # No copy of the request with the address of before goes out after a yes.
    assert room.ups.unacked == (0 if yes else 1)


def test_a_job_that_ups_has_forgotten_is_told_again_once_and_asked_again() -> None:
    room = Room()
    room.questions.ask(room.parcel, ELSEWHERE, 0.0)
    (first,) = set(room.pass_ticks(1))
    room.questions.answered(first, False, "unknown shipId", room.now)
    second = max(room.pass_ticks(1))
    assert (second > first, room.told_again) == (True, [room.parcel])
    room.questions.answered(second, False, "unknown shipId", room.now)
    assert (room.parcel.asked, len(room.told_again)) == (None, 1)


def test_an_err_is_a_refusal_and_an_answer_to_an_older_question_is_none() -> None:
    room = Room()
    room.questions.ask(room.parcel, None, 0.0)
    first, second = sorted(set(room.pass_ticks(60)))
    room.questions.answered(first, False, "superseded", room.now)
    assert room.parcel.asked == second
    assert room.questions.failed(second, "no", room.now)
    assert not room.questions.failed(999, "no", room.now)
    assert (room.parcel.asked, room.parcel.cancelled) == (None, False)


def test_what_is_asked_for_counts_in_another_world() -> None:
    room = Room()
    room.questions.ask(room.parcel, ELSEWHERE, 0.0)
    assert room.parcel.anew(12).to == ELSEWHERE
