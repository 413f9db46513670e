"""One budget over several steps, by a clock that the test moves."""

from dataclasses import dataclass

from mesh.deadline import Deadline


@dataclass
class HandClock:
    at: float = 100.0

    def now(self) -> float:
        return self.at


def test_steps_share_what_is_left() -> None:
    clock = HandClock()
    deadline = Deadline(5.0, clock)
    clock.at += 3.0
    assert (deadline.left(), deadline.expired) == (2.0, False)
    clock.at += 2.0
    assert (deadline.left(), deadline.expired) == (0.0, True)
    clock.at += 1.0
    assert deadline.left() == 0.0
