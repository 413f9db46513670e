"""`minimart order show ID`: one order with its parcels and their history."""

from pathlib import Path

import click
import grpc

from db.seed.shop import SHOPPER_EMAIL
from mesh.channel import acting_for
from minimart.arguments import data_option, orders_option
from minimart.shopping import user_id_of
from minimart.system import failure_of, find_system
from minimart.telling import whole
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
