"""What waits for its turn is told from what was lost."""

from wire.frontier import Frontier


def said(*batches: int) -> Frontier:
    """So many elements, said in so many goes."""
    frontier = Frontier()
    for count in batches:
        for _ in range(count):
            frontier.say()
        frontier.end()
    return frontier


def test_what_is_behind_the_last_ack_may_wait_and_what_is_before_it_was_lost() -> None:
    frontier = said(100)
    assert not frontier.may_wait(100, since=0, loss=0), "nothing was acked, so nobody is busy"
    frontier.acked(40, now=6)
    assert frontier.may_wait(41, since=0, loss=0)
    assert not frontier.may_wait(40, since=0, loss=0)


def test_a_peer_that_came_no_further_since_is_not_busy_with_it() -> None:
    frontier = said(100)
    frontier.acked(40, now=6)
    frontier.acked(30, now=9)
    assert frontier.may_wait(50, since=6, loss=0)
    assert not frontier.may_wait(50, since=7, loss=0)


def test_the_last_few_may_as_well_be_lost_and_how_many_depends_on_the_loss() -> None:
    frontier = said(100)
    frontier.acked(95, now=6)
    assert not frontier.may_wait(100, since=0, loss=0)
    frontier = said(100)
    frontier.acked(80, now=6)
    assert frontier.may_wait(100, since=0, loss=0.6)
    assert not frontier.may_wait(100, since=0, loss=0.8)


def test_a_row_that_begins_where_a_frame_began_was_lost_with_it() -> None:
    frontier = said(30, 30, 30)
    frontier.acked(30, now=6)
    assert not frontier.may_wait(90, since=0, loss=0)
    frontier.acked(31, now=6)
    assert frontier.may_wait(90, since=0, loss=0)
    frontier = said(*[30] * 8)
    frontier.acked(30, now=6)
    assert frontier.may_wait(90, since=0, loss=0), "seven frames in a row are not lost by accident"


def test_a_late_copy_is_behind_only_if_something_before_it_is() -> None:
    frontier = said(50)
    frontier.acked(50, now=6)
    assert not frontier.may_wait(50, since=0, loss=0), "all was come to, so this copy was lost"


def test_it_remembers_no_more_than_the_peer_has_not_come_to() -> None:
    frontier = said(*[1] * 1000)
    frontier.end()
    frontier.acked(990, now=6)
    assert len(frontier._ends) == 11
    for _ in range(2000):
        frontier.say()
        frontier.end()
    assert len(frontier._ends) == 1000
