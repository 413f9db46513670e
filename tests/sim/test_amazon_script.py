"""The script of the mock Amazon: what each line says, and what is said about a line that cannot be."""

from random import Random

import pytest

from sim.amazon.script import (
    Account,
    Cancel,
    Cut,
    Order,
    Redirect,
    Reset,
    Restart,
    ScriptError,
    orders_of,
    parse,
    spread,
)

EVERYTHING = """
# a comment, and a line of nothing

2.5  order to 7,-7 from 2 items "2 x Green tea" account zoe   # behind a step
0    order to 5,9
3    redirect 1 to 8,8
4    cancel 2
5    account "zoe & co"
6    cut
7    reset
8    restart
9    restart 0.5
"""


def test_each_line_is_a_step_and_orders_count_in_the_order_of_the_file() -> None:
    assert parse(EVERYTHING) == [
        Order(0.0, 2, (5, 9)),
        Order(2.5, 1, (7, -7), 2, "2 x Green tea", "zoe"),
        Redirect(3.0, 1, (8, 8)),
        Cancel(4.0, 2),
        Account(5.0, "zoe & co"),
        Cut(6.0),
        Reset(7.0),
        Restart(8.0, 2.0),
        Restart(9.0, 0.5),
    ]
    assert parse("") == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("soon order to 5,9", "'soon' is not the time in seconds"),
        ("-1 order to 5,9", "is not the time"),
        ("nan order to 5,9", "is not the time"),
        ("1", "it ends before what happens"),
        ("1 explode", "nothing is called explode"),
        ("1 order", "it ends before 'to'"),
        ("1 order at 5,9", "'at' in place of 'to'"),
        ("1 order to 5", "'5' is not X,Y"),
        ("1 order to 5,x", "'x' is not X,Y"),
        ("1 order to 5,99999999999", "beyond 32 bits"),
        ("1 order to 5,9 from 77", "there is no warehouse 77, only 1, 2, 3"),
        ("1 order to 5,9 by train", "and no 'by'"),
        ('1 order to 5,9 items ""', "1 to 200 characters"),
        ('1 order to 5,9 items "open', "no closing quotation"),
        ("1 redirect 0 to 5,9", "orders count from 1"),
        ("1 redirect 2 to 5,9", "there is no order 2: the script has 1"),
        ("1 cancel two", "'two' is not an order's number"),
        ("1 restart long", "'long' is not how many seconds"),
        ("1 cut now", "'now' is too much"),
    ],
)
def test_a_line_that_cannot_be_is_named_with_its_number_and_the_reason(line: str, why: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(f"0 order to 1,1\n{line}\n")
    assert caught.value.line == 2
    assert why in str(caught.value)


def test_orders_by_chance_are_the_same_for_the_same_seed() -> None:
    first, again, other = (spread(20, 0.5, Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert [(order.at, order.number) for order in orders_of(first)] == [(at * 0.5, at + 1) for at in range(20)]
