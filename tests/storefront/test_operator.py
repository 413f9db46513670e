"""Behind the counter: who gets there, what is shown, and what is done once however often it is asked for."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine

from mesh.errors import FailedPrecondition, Unavailable
from shop.operations.v1 import operations_pb2 as pb
from shop.orders.v1 import orders_pb2
from storefront.operator import queries
from storefront.operator.view import show_links
from storefront.orders.view import Tone
from storefront.presentation import ago
from tests.storefront.fake_operations import FakeOperations, link
from tests.storefront.fake_orders import FakeOrders
from tests.storefront.visitor import Visitor

ANN, SUE = "ann@example.org", "sue@example.org"
NO_NUMBERS = ("", "-1", "9" * 30, "0" * 19 + "1" + "0" * 30, "1" * 5000, "0", " x", "\u0661")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: the role's queries run on both in tests/minimart."""
    return sqlite_url


@pytest.fixture
def operations(orders: FakeOrders) -> FakeOperations:
    return orders.operations


@pytest.fixture
def grant(engine: Engine) -> Callable[[str], None]:
    def give(email: str) -> None:
        with engine.begin() as connection:
            queries.grant(connection, email, 1.0)

    return give


@pytest.fixture
def sue(another: Visitor, grant: Callable[[str], None]) -> Visitor:
    """Somebody of the staff."""
    another.register("Sue", SUE)
    grant(SUE)
    return another


@pytest.fixture
def parcel(visitor: Visitor, orders: FakeOrders, operations: FakeOperations) -> int:
    """Ann's order 1 has a parcel that does not go on by itself."""
    visitor.register().put_in_cart(1)
    visitor.get("/checkout").submit("/checkout", x="1", y="2")
    return operations.need_attention(orders.orders[1])


def test_nobody_gets_there_but_staff(visitor: Visitor, sue: Visitor) -> None:
    assert visitor.get("/operator").status == 404
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's")
    assert visitor.get("/operator").status == 404
    assert "/operator" not in visitor.get("/account").page.links
    assert "/operator" in sue.get("/account").page.links
    assert sue.get("/operator").sees("Behind the counter")


def test_whoever_loses_the_role_has_lost_it_at_once(sue: Visitor, engine: Engine) -> None:
    assert sue.get("/operator").status == 200
    with engine.begin() as connection:
        queries.revoke(connection, SUE, 2.0)
    assert sue.get("/operator").status == 404


def test_a_closed_account_is_no_staff_any_more(sue: Visitor, engine: Engine) -> None:
    sue.get("/account/close").submit("/account/close", current="a good password")
    with engine.connect() as connection:
        assert queries.members(connection) == []


def test_links_and_queues_are_told(sue: Visitor, operations: FakeOperations) -> None:
    operations.links = [
        link("ups"),
        link("world", unacked=17, resends=21, elements_sent=400, contract_difference="field 3 is not ours"),
    ]
    sue.get("/operator")
    for words in (
        "World 7 (our number for it: 2)",
        "17 of 4,096",
        "21 of 400",
        "12,345 or more",
        "field 3 is not ours",
    ):
        assert sue.sees(words), words
    assert sue.sees("The contracts differ")
    assert sue.sees("Nothing: every parcel goes on by itself.")


def test_how_a_link_is_is_told_in_a_word() -> None:
    def word(seen: pb.LinkSeen) -> tuple[str, bool]:
        (shown,) = show_links(pb.ListLinksResponse(world_epoch=2, world_id=7, world_open=True, links=[seen]), 0.0)
        return shown.status.words, shown.status.tone is Tone.DONE

    assert word(link("ups")) == ("Connected", True)
    assert word(link("world", connected=False)) == ("Not connected", False)
    assert word(link("ups", contract_difference="x")) == ("The contracts differ", False)
    elsewhere, gone, silent = link("ups"), link("world"), link("world")
    elsewhere.announced_world_id = 8
    assert word(elsewhere) == ("In another world", False)
    gone.owned = False
    assert word(gone) == ("Its bridge is not running", False)
    silent.ClearField("status")
    assert word(silent) == ("Its bridge does not answer", False)


def test_a_peer_that_says_nothing_while_commands_wait_is_told_as_such() -> None:
    def words(now: float, **changes: int) -> str:
        seen = link("world")
        seen.since.FromSeconds(changes.get("since", 100))
        seen.status.last_frame_at.FromSeconds(changes.get("heard", 900))
        seen.queue.handed_over_since.FromSeconds(changes.get("told", 1000))
        seen.queue.handed_over = changes.get("commands", 1)
        (shown,) = show_links(pb.ListLinksResponse(world_epoch=2, world_id=7, world_open=True, links=[seen]), now)
        return shown.status.words

    assert words(1030) == "Connected"
    assert words(1031) == "Has not answered so far"
    assert words(1031, commands=0) == "Connected", "nothing waits"
    assert words(1031, heard=1001) == "Connected", "it says something"
    assert words(1031, since=1001) == "Connected", "it has only just come back"


def test_what_needs_a_person_comes_page_by_page(sue: Visitor, parcel: int, operations: FakeOperations) -> None:
    for number in range(1, 22):
        needed = pb.AttentionNeeded(order_id=number, shipment_id=number, reason=f"reason {number}.")
        operations.attention[number] = needed
    sue.get("/operator")
    assert sue.sees("reason 20.")
    assert not sue.sees("reason 21.")
    sue.get(next(one for one in sue.page.links if "page=" in one))
    assert sue.sees("reason 21.")
    assert sue.sees("Tried 5 times without success")


@pytest.mark.parametrize(
    ("name", "remedy"), [("retry", pb.REMEDY_RETRY), ("redrive", pb.REMEDY_REDRIVE), ("cancel", pb.REMEDY_CANCEL)]
)
def test_what_is_done_is_confirmed_and_done_once(
    sue: Visitor, parcel: int, operations: FakeOperations, name: str, remedy: int
) -> None:
    address = f"/operator/orders/1/parcels/{parcel}/{name}"
    assert address in sue.get("/operator").page.links
    sue.get("/operator/orders/1").get(address)
    assert operations.done == []
    sue.press(address, note="  the truck   is found ")
    sue.submit(address, note="the truck is found")
    (done,) = operations.done
    assert (done.remedy, done.shipment_id, done.note) == (remedy, parcel, "the truck is found")
    assert sue.path.endswith("/operator/orders/1")
    assert sue.sees("“the truck is found”")


def test_silence_is_told_and_the_same_button_asks_the_same_again(
    sue: Visitor, parcel: int, operations: FakeOperations
) -> None:
    operations.lost = Unavailable("DATABASE_AWAY", "away")
    address = f"/operator/orders/1/parcels/{parcel}/retry"
    sue.get(address).submit(address, note="once")
    if sue.status == 503:  # the channel may have asked again by itself
        assert sue.sees("we do not know yet whether it was done")
        sue.submit(address)
    assert sue.sees("It is being tried again.")
    assert len(operations.done) == 1


def test_what_cannot_be_done_any_more_is_told(sue: Visitor, parcel: int, operations: FakeOperations) -> None:
    address = f"/operator/orders/1/parcels/{parcel}/redrive"
    for reason in ("SHIPMENT_ENDED", "NO_ATTENTION_NEEDED", "GOODS_AWAITED", "CHANGE_PENDING"):
        operations.refusal = FailedPrecondition(reason, "no")
        sue.get(address).submit(address)
        assert sue.sees("Nothing was done"), reason
    assert operations.done == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"request_id": "x"}, "This page was out of date"),
        ({"note": "x" * 201}, "Write at most 200 characters; these are 201."),
        ({"note": "a\x00b"}, "Some characters in this text cannot be shown"),
    ],
)
def test_a_form_that_does_not_hold_does_nothing_and_keeps_what_was_typed(
    sue: Visitor, parcel: int, operations: FakeOperations, typed: dict[str, str], words: str
) -> None:
    address = f"/operator/orders/1/parcels/{parcel}/cancel"
    sue.get(address).submit(address, **({"note": "why"} | typed))
    assert sue.status == 422
    assert sue.sees(words)
    assert sue.page.form(address).values["note"] == (typed.get("note") or "why")
    assert operations.done == []


def test_parcels_of_other_orders_and_unknown_remedies_are_not_there(sue: Visitor, parcel: int) -> None:
    for path in (
        f"/operator/orders/2/parcels/{parcel}/retry",
        "/operator/orders/1/parcels/7/retry",
        f"/operator/orders/1/parcels/{parcel}/explode",
    ):
        assert sue.get(path).status == 404, path


def test_an_order_that_is_not_there_is_told_beside_the_search_and_to_others_is_no_page(
    visitor: Visitor, sue: Visitor, parcel: int
) -> None:
    for path in ("/operator/orders/999", f"/operator/orders/999/parcels/{parcel}/retry"):
        page = sue.get(path)
        assert page.status == 404, path
        assert page.sees("Error: No order and no parcel has this number."), path
        assert page.page.form("/operator/orders").values["order"] == "999"
        assert visitor.get(path).status == 404, path
        assert visitor.sees("There is nothing here"), path


def test_the_message_log_is_decoded_escaped_and_paged(sue: Visitor, parcel: int, operations: FakeOperations) -> None:
    for number in range(25):
        operations.messages.append(
            pb.Message(
                direction=pb.DIRECTION_TO_PEER if number % 2 else pb.DIRECTION_FROM_PEER,
                link="ups" if number % 2 else "world",
                number=1000 + number,
                shipment_id=parcel,
                kind="request_truck" if number % 2 else "command_failed",
                outcome="acknowledged" if number % 2 else "recorded, not obeyed: late",
                text=f'text: "<script>{number}</script>"',
            )
        )
    sue.get("/operator/orders/1")
    assert sue.sees("To UPS: request truck")
    assert sue.sees("From the world: command failed")
    assert "<script>1<" not in sue.response.get_data(as_text=True)
    assert sue.sees('text: "<script>19</script>"')
    assert not sue.sees("no. 1020")
    sue.get(next(one for one in sue.page.links if "page=" in one))
    assert sue.sees("no. 1020")
    assert sue.sees("no. 1024")


def test_what_the_shopper_asked_for_is_told_with_the_answers(sue: Visitor, parcel: int, orders: FakeOrders) -> None:
    asked = orders.orders[1].amendments.add(request_id="another-door", destination=orders_pb2.Address(x=9, y=8))
    asked.asked_at.FromSeconds(1_700_000_000)
    late = asked.decisions.add(parcel=1, decision=orders_pb2.DECISION_TOO_LATE, reason="it had left")
    late.left_at.FromSeconds(1_699_999_999)
    page = sue.get("/operator/orders/1")
    assert page.sees("Send it to (9, 8). Parcel 1: Too late to change (it had left at")


@pytest.mark.usefixtures("parcel")
def test_an_order_is_found_by_its_number(sue: Visitor) -> None:
    for typed in ("1", "%231"):
        assert sue.client.get(f"/operator/orders?order={typed}").location == "/operator/orders/1"


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        *((nonsense, 422, "Write the number of an order, such as 12") for nonsense in NO_NUMBERS),
        ("77", 404, "No order and no parcel has this number."),
        (str(2**62), 404, "No order and no parcel has this number."),
    ],
)
def test_a_number_of_nothing_is_told_beside_the_field_with_what_was_typed(
    sue: Visitor, typed: str, status: int, words: str
) -> None:
    page = sue.get(f"/operator/orders?{urlencode({'order': typed})}")
    assert page.status == status
    assert page.sees(f"Error: {words}")
    assert page.sees("Links and their queues")
    assert next(form.values["order"] for form in page.page.forms if form.action == "/operator/orders") == typed


def test_an_order_is_found_by_a_parcel_of_it(sue: Visitor, parcel: int) -> None:
    assert sue.client.get(f"/operator/orders?order={parcel}").location == "/operator/orders/1"
    assert sue.get(f"/operator/orders?order={parcel + 1}").sees("No order and no parcel has this number.")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.44, "0.4 s ago"),
        (-3, "0.00 s ago"),
        (0.04, "0.04 s ago"),
        (59, "59 s ago"),
        (180, "3 min ago"),
        (7200, "2 h ago"),
        (172800, "2 d ago"),
    ],
)
def test_ages_are_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert ago(seconds) == words
