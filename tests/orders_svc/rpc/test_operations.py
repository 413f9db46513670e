"""OperationsService over gRPC: for staff only, and what is wrong with a request is named."""

from typing import Any

import grpc
import pytest

from mesh.channel import acting_for, acting_for_staff
from mesh.errors import RpcFailure, read_error
from shop.operations.v1 import operations_pb2 as pb
from shop.operations.v1 import operations_pb2_grpc
from tests.orders_svc.rpc.serving import SHOPPER, Running

STAFF = 1
CALLS = [
    ("RetryShipment", pb.RetryShipmentRequest),
    ("RedriveShipment", pb.RedriveShipmentRequest),
    ("CancelShipment", pb.CancelShipmentRequest),
]


def call(shop: Running, method: str, request: Any, metadata: Any = None, caller: str = "storefront") -> Any:
    stub = operations_pb2_grpc.OperationsServiceStub(shop.channel(caller))
    return getattr(stub, method)(request, timeout=60, metadata=metadata or acting_for_staff(STAFF))


def failure(shop: Running, *arguments: Any, **options: Any) -> RpcFailure:
    with pytest.raises(grpc.RpcError) as refused:
        call(shop, *arguments, **options)
    return read_error(refused.value)


@pytest.mark.parametrize(("method", "request_of"), CALLS)
def test_only_staff_may(shop: Running, method: str, request_of: Any) -> None:
    request = request_of(request_id="operated-1", shipment_id=1)
    assert failure(shop, method, request, acting_for(SHOPPER)).reason == "STAFF_ONLY"
    assert failure(shop, method, request, (("x-acting-role", "staff"),)).reason == "NO_ACTING_USER"
    assert failure(shop, method, request).reason == "SHIPMENT_NOT_FOUND"


@pytest.mark.parametrize(("method", "request_of"), CALLS)
def test_what_is_wrong_with_a_request_is_named(shop: Running, method: str, request_of: Any) -> None:
    said = failure(shop, method, request_of(request_id="short", shipment_id=0, note="a\nb"))
    assert [violation.field for violation in said.violations] == ["request_id", "shipment_id", "note"]


@pytest.mark.parametrize(("method", "request_of"), CALLS)
def test_a_parcel_that_needs_attention_is_seen_to_once(shop: Running, method: str, request_of: Any) -> None:
    (parcel,) = shop.order(shop.place((1, 2))).shipments
    request = request_of(request_id=f"operated-{method}", shipment_id=parcel.shipment_id, note="why")
    assert failure(shop, method, request).reason == "NO_ATTENTION_NEEDED"
    with shop.app.engine.begin() as connection:
        connection.exec_driver_sql(f"update shipments set attention_reason = 'lost' where id = {parcel.shipment_id}")
    first, again = call(shop, method, request), call(shop, method, request)
    assert (first.replayed, again.replayed) == (False, True)
    if method == "RedriveShipment":
        assert first.new_shipment_id == again.new_shipment_id > parcel.shipment_id
