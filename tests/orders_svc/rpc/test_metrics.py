"""What the orders service counts, as somebody sees it who reads its page."""

from pathlib import Path
from urllib.request import urlopen

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy.exc import OperationalError

from orders_svc.metrics import Metrics
from orders_svc.service.changes import Changes
from orders_svc.service.queues import Queue
from shop.bridge.v1 import bridge_pb2
from shop.fulfilment.v1 import fulfilment_pb2
from tests.orders_svc.rpc.serving import Running, failure, running


def figures(shop: Running) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{shop.service.metrics.port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_orders_reports_and_queues_are_counted(sqlite_url: str, tmp_path: Path) -> None:
    with running(sqlite_url, tmp_path, metrics_port=0) as shop:
        shop.open_world()
        before = figures(shop)
        request = shop.request((1, 1))
        for _ in range(2):
            shop.call(shop.orders.PlaceOrder, request)
        failure(lambda: shop.call(shop.orders.PlaceOrder, shop.request((999_999, 1))))
        pack = _open(shop, "pack")[-1]
        shop.world.Report(
            fulfilment_pb2.ReportRequest(
                link="world", link_epoch=shop.epochs["world"], world_epoch=shop.world_epoch, acked=[pack.command_id]
            ),
            timeout=60,
        )
        packed = fulfilment_pb2.Packed(shipment_id=pack.pack.shipment_id)
        shop.report("world", packed=packed)
        shop.report("world", packed=packed)
        after = figures(shop)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown('minimart_orders_placed_total{answer="accepted"}') == 1
    assert grown('minimart_orders_placed_total{answer="replayed"}') == 1
    assert grown('minimart_orders_placed_total{answer="OFFER_NOT_FOUND"}') == 1
    assert grown('minimart_report_events_count{link="world"}') == 3
    assert grown('minimart_inbox_events_total{link="world",result="applied"}') == 1
    assert grown('minimart_inbox_events_total{link="world",result="ignored"}') == 1
    assert grown('minimart_command_seconds_count{link="world"}') == 1
    assert after['minimart_outbox_waiting{link="ups"}'] == 1
    assert after['minimart_outbox_oldest_seconds{link="ups"}'] > 0
    assert after["process_resident_memory_bytes"] > 0


def test_a_database_that_is_away_leaves_the_page_what_it_knows_by_itself() -> None:
    def away() -> list[Queue]:
        raise OperationalError("select", {}, Exception("away"))

    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.changed(Changes(acked=[("ups", 0.2)]))
    metrics.watch(away, (OperationalError,))
    page = generate_latest(registry).decode()
    assert 'minimart_command_seconds_count{link="ups"} 1.0' in page
    assert "minimart_outbox" not in page


def _open(shop: Running, kind: str) -> list[bridge_pb2.Command]:
    with shop.app.reader.begin() as connection:
        query = "select id, command from outbox where closed_at is null and kind = ? order by id"
        rows = connection.exec_driver_sql(query, (kind,)).all()
    commands = []
    for row in rows:
        command = bridge_pb2.Command.FromString(bytes(row[1]))
        command.command_id = row[0]
        commands.append(command)
    return commands
