"""SetReorderPoint over real gRPC: every error of the contract."""

import grpc

from shop.inventory.v1 import inventory_pb2 as pb
from tests.orders_svc.rpc.serving import SELLER, SHOPPER, Running, failure

GOOD = {"offer_id": 1, "warehouse_id": 1, "level": 5, "quantity": 20}


def test_what_cannot_be_is_refused_with_its_field_and_what_is_not_ones_own_is_unknown(shop: Running) -> None:
    def ask(user: int = SELLER, **wrong: int) -> pb.SetReorderPointResponse:
        return shop.call(shop.inventory.SetReorderPoint, pb.SetReorderPointRequest(**GOOD | wrong), user)  # type: ignore[no-any-return]

    for field, values in {
        "level": (-1, 10_001),
        "quantity": (0, -1, 10_001),
        "offer_id": (0, -(2**63)),
        "warehouse_id": (0, -1),
    }.items():
        for value in values:
            refused = failure(lambda field=field, value=value: ask(**{field: value}))  # type: ignore[misc]
            assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
            assert [one.field for one in refused.violations] == [field]
    for user, wrong, reason in (
        (SHOPPER, {}, "OFFER_NOT_FOUND"),
        (SELLER, {"offer_id": 99_999}, "OFFER_NOT_FOUND"),
        (SELLER, {"warehouse_id": 99}, "WAREHOUSE_NOT_FOUND"),
    ):
        refused = failure(lambda user=user, wrong=wrong: ask(user, **wrong))  # type: ignore[misc]
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, reason)
    for _ in range(2):
        ask()
    assert ask(level=0, quantity=0, warehouse_id=0) == pb.SetReorderPointResponse()
