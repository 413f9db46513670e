"""Views as messages."""

from google.protobuf.timestamp_pb2 import Timestamp

from db.orders.requests import Decision
from orders_svc.domain import explain
from orders_svc.domain.amendments import Course
from orders_svc.domain.lifecycle import Asked, Goods, Truck
from orders_svc.domain.news import NOTHING, News
from orders_svc.service.accounts import AccountCheck
from orders_svc.service.amending import Amendment, Decided
from orders_svc.service.views import OrderView, ParcelView
from shop.orders.v1 import orders_pb2 as pb

GOODS = {
    Goods.NEW: pb.GOODS_STATE_NEW,
    Goods.AWAITING_STOCK: pb.GOODS_STATE_AWAITING_STOCK,
    Goods.PACKING: pb.GOODS_STATE_PACKING,
    Goods.PACKED: pb.GOODS_STATE_PACKED,
    Goods.LOADING: pb.GOODS_STATE_LOADING,
    Goods.LOADED: pb.GOODS_STATE_LOADED,
    Goods.CANCELLED: pb.GOODS_STATE_CANCELLED,
}
TRUCK = {
    Truck.NONE: pb.TRUCK_STATE_NONE,
    Truck.REQUESTED: pb.TRUCK_STATE_REQUESTED,
    Truck.AT_WAREHOUSE: pb.TRUCK_STATE_AT_WAREHOUSE,
    Truck.EN_ROUTE: pb.TRUCK_STATE_EN_ROUTE,
    Truck.DELIVERED: pb.TRUCK_STATE_DELIVERED,
}


DECISION = {
    Decision.DONE: pb.DECISION_DONE,
    Decision.TOO_LATE: pb.DECISION_TOO_LATE,
    Decision.ASKED: pb.DECISION_ASKED,
}

CHANGEABLE = {
    Course.AT_ONCE: pb.CHANGEABLE_AT_ONCE,
    Course.ASKS_UPS: pb.CHANGEABLE_ASKS_UPS,
    Course.TOO_LATE: pb.CHANGEABLE_TOO_LATE,
    Course.PENDING: pb.CHANGEABLE_PENDING,
}
ACCOUNT = {
    True: pb.ACCOUNT_VERDICT_VERIFIED,
    False: pb.ACCOUNT_VERDICT_UNKNOWN,
    None: pb.ACCOUNT_VERDICT_NOT_VERIFIED,
}

# In the order in which they happen.
NEWS = {
    News.PLACED: pb.NEWS_KIND_PLACED,
    News.LATE: pb.NEWS_KIND_LATE,
    News.SHIPPED: pb.NEWS_KIND_SHIPPED,
    News.DELIVERED: pb.NEWS_KIND_DELIVERED,
    News.CANCELLED: pb.NEWS_KIND_CANCELLED,
}


def decision(decided: Decided) -> pb.ParcelDecision:
    """The answer for one parcel."""
    message = pb.ParcelDecision(
        shipment_id=decided.shipment_id,
        decision=DECISION[decided.decision],
        reason=decided.reason,
        parcel=decided.parcel_no,
    )
    if decided.left_at is not None:
        message.left_at.CopyFrom(timestamp(decided.left_at))
    return message


def account(check: AccountCheck) -> pb.CheckAccountResponse:
    """What is known of a UPS account."""
    return pb.CheckAccountResponse(verdict=ACCOUNT[check.exists], reason=check.reason)


def kinds(happened: News) -> "list[pb.NewsKind.ValueType]":
    """What of the news is in a set."""
    return [kind for one, kind in NEWS.items() if one in happened]


def news(kind: "pb.NewsKind.ValueType") -> News:
    """The set of one kind; of one that is unknown, none."""
    return next((one for one, known in NEWS.items() if known == kind), NOTHING)


def amendment(asked: Amendment) -> pb.Amendment:
    """What was asked for since, with its answers."""
    row = asked.row
    message = pb.Amendment(
        request_id=row.request_id,
        asked_at=timestamp(row.asked_at),
        decisions=[decision(one) for one in asked.decisions],
    )
    if row.x is not None:
        message.destination.CopyFrom(pb.Address(x=row.x, y=row.y))
    return message


def timestamp(seconds: float) -> Timestamp:
    """Seconds since the epoch as a Timestamp, to the microsecond."""
    micros = round(seconds * 1_000_000)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def order(view: OrderView, *, in_full: bool = False) -> pb.Order:
    """An order as its owner sees it; `in_full`, as staff do, with what peers said of failures in their own words."""
    row = view.row
    return pb.Order(
        order_id=row.id,
        user_id=row.user_id,
        status=pb.OrderStatus.ValueType(row.status),
        version=row.version,
        placed_at=timestamp(row.placed_at),
        destination=pb.Address(x=row.x, y=row.y),
        ups_account=row.ups_account,
        total_cents=row.total_cents,
        lines=[
            pb.OrderLine(
                offer_id=line.offer_id,
                title=line.title,
                seller_id=line.seller_id,
                seller_name=line.seller_name,
                unit_price_cents=line.unit_price_cents,
                quantity=line.quantity,
            )
            for line in view.lines
        ],
        shipments=[shipment(parcel, in_full=in_full) for parcel in view.parcels],
        amendments=[amendment(asked) for asked in view.amendments],
    )


def shipment(parcel: ParcelView, *, in_full: bool = False) -> pb.Shipment:
    """One parcel, as the attempt that counts; `in_full` as for an order."""
    row, place, waiting = parcel.row, parcel.warehouse, parcel.waiting
    reason = row.attention_reason or ""
    message = pb.Shipment(
        shipment_id=row.id,
        warehouse_id=place.id,
        warehouse_name=place.name,
        warehouse=pb.Address(x=place.x, y=place.y),
        items=[pb.ShipmentItem(offer_id=t.offer_id, title=t.title, quantity=t.count) for t in parcel.things],
        status=pb.OrderStatus.ValueType(int(parcel.status)),
        goods=GOODS[parcel.state.goods],
        truck=TRUCK[parcel.state.truck],
        attention_reason=reason if in_full else explain.unquoted(reason),
        attempt=row.attempt,
        destination=pb.Address(x=row.x, y=row.y),
        history=[
            pb.ShipmentStep(
                at=timestamp(step.at),
                goods=GOODS[Goods(step.goods)],
                truck=TRUCK[Truck(step.truck)],
                what=step.what if in_full else explain.step_for_shoppers(step.event, step.what),
                cause=step.cause,
            )
            for step in parcel.steps
        ],
    )
    if row.truck_id is not None:
        message.truck_id = row.truck_id
    if row.left_at is not None:
        message.left_at.CopyFrom(timestamp(row.left_at))
    if parcel.courses:
        message.address_changeable = CHANGEABLE[parcel.courses[Asked.ADDRESS]]
        message.cancellable = CHANGEABLE[parcel.courses[Asked.CANCEL]]
    if parcel.truck_seen is not None:
        seen = parcel.truck_seen
        spot = pb.Address(x=seen.x, y=seen.y)
        message.truck_seen.CopyFrom(pb.TruckSeen(truck_id=seen.truck_id, at=spot, seen_at=timestamp(seen.at)))
    if parcel.expected is not None:
        message.expected.earliest.CopyFrom(timestamp(parcel.expected.earliest))
        message.expected.latest.CopyFrom(timestamp(parcel.expected.latest))
    elif parcel.unknown_because:
        message.expected.unknown_because = parcel.unknown_because
    if waiting is not None:
        message.waiting.CopyFrom(pb.Waiting(who=waiting.who, since=timestamp(waiting.since), next=waiting.next))
    return message
