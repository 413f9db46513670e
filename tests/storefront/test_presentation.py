import flask
import pytest

from storefront import presentation
from storefront.bootstrap import Storefront
from storefront.presentation import MOST_ADDRESSES


def test_remembered_addresses_are_those_of_the_path_under_which_the_shop_is_reached(shop: Storefront) -> None:
    link = shop.app.jinja_env.globals["url_for"]
    for root in ("", "/shop", ""):
        with shop.app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
            assert link("catalogue.product", product_id=7) == f"{root}/products/7"
            assert link("catalogue.products", q="a&b", page=2) == f"{root}/products?q=a%26b&page=2"
            assert link("catalogue.product", product_id=7, _anchor="reviews") == f"{root}/products/7#reviews"


def test_no_more_addresses_are_remembered_than_there_is_room_for(
    shop: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = shop.app.jinja_env.globals["url_for"]
    made: list[int] = []

    def url_for(endpoint: str, *, product_id: int) -> str:
        made.append(product_id)
        return flask.url_for(endpoint, product_id=product_id)

    monkeypatch.setattr(presentation, "url_for", url_for)
    newest = MOST_ADDRESSES + 1
    with shop.app.test_request_context("/"):
        for number in (*range(1, newest + 1), newest, 1):
            assert link("catalogue.product", product_id=number) == f"/products/{number}"
    assert made == [*range(1, newest + 1), 1], "the newest was remembered, and the oldest no more"
