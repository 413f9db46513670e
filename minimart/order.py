"""`minimart order`: one order with its parcels and their history, and all that is known of it.

`explain` is for those who look after the shop: whoever may read the installation's tokens is taken for staff.
"""

from pathlib import Path

import click
import grpc

from db.seed.shop import SHOPPER_EMAIL
from mesh.channel import acting_for, acting_for_staff
from minimart.arguments import data_option, orders_option
from minimart.shopping import user_id_of
from minimart.system import failure_of, find_system
from minimart.telling import conversation, explained, whole
from shop.operations.v1 import operations_pb2, operations_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc

CALL_SECONDS = 10.0


@click.group()
def order() -> None:
    """Look at orders."""


@order.command()
@click.argument("order_id", type=click.IntRange(1, 2**63 - 1))
@click.option("--as", "email", default=SHOPPER_EMAIL, show_default=True, help="Whose order it is.")
@data_option
@orders_option
def show(order_id: int, email: str, data: Path | None, orders: str | None) -> None:
    """Show an order, its parcels, and what they wait for."""
    system = find_system(data, orders)
    with system.reading() as connection:
        user_id = user_id_of(connection, email)
    with system.channel() as channel:
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        try:
            answer = orders_pb2_grpc.OrdersServiceStub(channel).GetOrder(
                request, metadata=acting_for(user_id), timeout=CALL_SECONDS
            )
        except grpc.RpcError as error:
            raise failure_of(error, system) from error
    for line in whole(answer.order):
        click.echo(line)


@order.command()
@click.argument("order_id", type=click.IntRange(1, 2**63 - 1))
@click.option("--parcel", is_flag=True, help="The number is a parcel's, as peers know it.")
@click.option("--messages", type=click.IntRange(0, 100), default=20, show_default=True, help="How many, newest first.")
@click.option("--as", "email", default=SHOPPER_EMAIL, show_default=True, help="Who looks.")
@data_option
@orders_option
def explain(order_id: int, parcel: bool, messages: int, email: str, data: Path | None, orders: str | None) -> None:
    """Say all that is known of anybody's order, with what was said to and by the peers."""
    system = find_system(data, orders)
    with system.reading() as connection:
        metadata = acting_for_staff(user_id_of(connection, email))
    with system.channel() as channel:
        stub = operations_pb2_grpc.OperationsServiceStub(channel)
        try:
            answer = stub.InspectOrder(
                operations_pb2.InspectOrderRequest(**{"shipment_id" if parcel else "order_id": order_id}),
                metadata=metadata,
                timeout=CALL_SECONDS,
            )
            log = stub.ListMessages(
                operations_pb2.ListMessagesRequest(order_id=answer.order.order_id, page_size=messages or 1),
                metadata=metadata,
                timeout=CALL_SECONDS,
            )
        except grpc.RpcError as error:
            raise failure_of(error, system) from error
    for line in (*explained(answer), *conversation(answer.order, log.messages[:messages])):
        click.echo(line)
