"""Servers and channels together, over real gRPC: identity, errors, health, reflection and every limit at its edge."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from mesh.channel import acting_for, acting_for_staff
from mesh.errors import (
    DETAILS_KEY,
    FieldViolation,
    InvalidArgument,
    NotFound,
    Refusal,
    ResourceExhausted,
    Unavailable,
    read_error,
)
from mesh.identity import Caller, current_caller
from mesh.server import ListenError, build_aio_server, build_server
from shop.bridge.v1 import bridge_pb2, bridge_pb2_grpc
from shop.orders.v1 import orders_pb2, orders_pb2_grpc
from tests.mesh.serving import (
    STATUS,
    TOKENS,
    AioBridge,
    aio_channel_to,
    bridge_service,
    channel_to,
    orders_service,
    serving,
    serving_aio,
)

OK = bridge_pb2.GetLinkStatusResponse(link="world")
Answer = Callable[[Any], bridge_pb2.GetLinkStatusResponse]


def ask_threaded(answer: Answer, caller: str, metadata: Any, limits: dict[str, Any]) -> Any:
    with serving(bridge_service(answer), **limits) as server, channel_to(server, caller) as channel:
        return bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, metadata=metadata, timeout=10)


def ask_aio(answer: Answer, caller: str, metadata: Any, limits: dict[str, Any]) -> Any:
    async def conversation() -> Any:
        async with (
            serving_aio(bridge_service(answer, AioBridge), **limits) as server,
            aio_channel_to(server, caller) as channel,
        ):
            return await bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, metadata=metadata, timeout=10)

    return asyncio.run(conversation())


@pytest.fixture(params=[ask_threaded, ask_aio], ids=["threaded", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Starts a server of either kind, whose GetLinkStatus is the given answer, and calls it once."""

    def ask(answer: Answer, caller: str = "cli", metadata: Any = (), **limits: Any) -> Any:
        return request.param(answer, caller, metadata, limits)

    return ask


def raising(error: Exception) -> Answer:
    def answer(_context: Any) -> bridge_pb2.GetLinkStatusResponse:
        raise error

    return answer


def test_the_caller_and_the_acting_user_reach_the_servicer(ask: Callable[..., Any]) -> None:
    seen: list[Caller] = []

    def answer(context: Any) -> bridge_pb2.GetLinkStatusResponse:
        seen.append(current_caller(context))
        return OK

    assert ask(answer, "orders_svc", metadata=acting_for(42)) == OK
    assert ask(answer, "cli") == OK
    assert seen == [Caller("orders_svc", 42), Caller("cli", None)]


def test_a_caller_without_business_here_is_denied(ask: Callable[..., Any]) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(lambda _context: OK, "storefront")
    failure = read_error(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    assert failure.metadata == {"caller": "storefront"}


def test_who_acts_as_staff_is_known_as_such_and_any_other_role_is_refused(ask: Callable[..., Any]) -> None:
    seen: list[Caller] = []

    def answer(context: Any) -> bridge_pb2.GetLinkStatusResponse:
        seen.append(current_caller(context))
        return OK

    assert ask(answer, "cli", metadata=acting_for_staff(42)) == OK
    assert seen == [Caller("cli", 42, is_staff=True)]
    with pytest.raises(grpc.RpcError) as refused:
        ask(answer, "cli", metadata=(*acting_for(42), ("x-acting-role", "Staff")))
    assert read_error(refused.value).reason == "BAD_ACTING_ROLE"


@pytest.mark.parametrize("user", ["x", "-1", "0", "9223372036854775808", "1" * 400])
def test_an_impossible_acting_user_is_refused(ask: Callable[..., Any], user: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(lambda _context: OK, metadata=(("x-acting-user", user),))
    assert read_error(refused.value).reason == "BAD_ACTING_USER"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [((), "NO_TOKEN"), ((("authorization", "Bearer guess"),), "UNKNOWN_TOKEN")],
)
def test_a_call_without_a_known_token_is_unauthenticated(metadata: Any, reason: str) -> None:
    with (
        serving(bridge_service(lambda _context: OK)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, metadata=metadata, timeout=10)
    failure = read_error(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


def test_a_refusal_arrives_with_its_reason_and_metadata(ask: Callable[..., Any]) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(raising(NotFound("ORDER_NOT_FOUND", "no such order", order_id=7)))
    failure = read_error(refused.value)
    assert failure.code is grpc.StatusCode.NOT_FOUND
    assert (failure.reason, failure.message, failure.metadata) == (
        "ORDER_NOT_FOUND",
        "no such order",
        {"order_id": "7"},
    )


def test_bad_fields_arrive_one_by_one(ask: Callable[..., Any]) -> None:
    wrong = (FieldViolation("items[0].quantity", "must be 1 to 1000"), FieldViolation("request_id", "is too short"))
    with pytest.raises(grpc.RpcError) as refused:
        ask(raising(InvalidArgument(wrong)))
    failure = read_error(refused.value)
    assert (failure.code, failure.violations) == (grpc.StatusCode.INVALID_ARGUMENT, wrong)


def test_details_too_long_for_a_trailer_are_cut_and_still_arrive(ask: Callable[..., Any]) -> None:
    wrong = [FieldViolation(f"items[{number}]", "x" * 5000) for number in range(500)]
    with pytest.raises(grpc.RpcError) as refused:
        ask(raising(InvalidArgument(wrong, message="much is wrong")))
    assert read_error(refused.value).violations[0].field == "items[0]"


def test_an_outage_is_answered_as_the_server_was_told(ask: Callable[..., Any]) -> None:
    class DatabaseAwayError(Exception):
        pass

    with pytest.raises(grpc.RpcError) as refused:
        ask(raising(DatabaseAwayError()), outages={DatabaseAwayError: Unavailable("DATABASE_AWAY", "try again")})
    failure = read_error(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_AWAY")


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends() -> None:
    answers = iter([OSError("away"), OSError("away"), OSError("away"), None, None])

    def answer(_context: object) -> bridge_pb2.GetLinkStatusResponse:
        trouble = next(answers)
        if trouble is not None:
            raise trouble
        return bridge_pb2.GetLinkStatusResponse()

    away = {OSError: Unavailable("DATABASE_AWAY", "try again")}
    with (
        capture_logs() as lines,
        serving(bridge_service(answer), outages=away) as server,
        channel_to(server) as channel,
    ):
        stub = bridge_pb2_grpc.BridgeServiceStub(channel)
        for refused in (True, True, True, False, False):
            with pytest.raises(grpc.RpcError) if refused else nullcontext():
                stub.GetLinkStatus(bridge_pb2.GetLinkStatusRequest(), timeout=10)
    seen = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert seen == ["outage", "outage_over"]


def test_what_nobody_expected_is_internal_without_details(
    ask: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(raising(KeyError("secret")))
    failure = read_error(refused.value)
    assert (failure.code, failure.message) == (grpc.StatusCode.INTERNAL, "internal error")
    written = capsys.readouterr()
    assert "KeyError" in written.out + written.err


def test_a_servicers_own_abort_is_left_alone() -> None:
    def answer(context: grpc.ServicerContext) -> bridge_pb2.GetLinkStatusResponse:
        context.abort(grpc.StatusCode.OUT_OF_RANGE, "as I said")

    with pytest.raises(grpc.RpcError) as refused:
        ask_threaded(answer, "cli", (), {})
    assert read_error(refused.value).code is grpc.StatusCode.OUT_OF_RANGE


def test_health_follows_set_serving_and_needs_no_token() -> None:
    with (
        serving(bridge_service(lambda _context: OK)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "shop.bridge.v1.BridgeService"):
            request = health_pb2.HealthCheckRequest(service=name)
            server.set_serving(True)
            assert stub.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.SERVING
            server.set_serving(False)
            assert stub.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_reflection_lists_the_services() -> None:
    with (
        serving(bridge_service(lambda _context: OK)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=10)
        names = {service.name for service in answer.list_services_response.service}
    assert {"shop.bridge.v1.BridgeService", "grpc.health.v1.Health"} <= names


def test_who_goes_in_the_middle_of_the_reflection_is_no_failure_of_ours() -> None:
    said = threading.Event()

    def questions() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        said.wait(10)

    with capture_logs() as lines:
        with (
            serving(bridge_service(lambda _context: OK)) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(questions())
            next(iter(call))
            call.cancel()
        said.set()
    assert not [line for line in lines if line["event"] == "rpc_failed"]


def test_health_and_reflection_of_an_asyncio_server() -> None:
    async def conversation() -> tuple[int, int, set[str]]:
        async with (
            serving_aio(bridge_service(lambda _context: OK, AioBridge)) as server,
            aio_channel_to(server) as channel,
        ):
            health = health_pb2_grpc.HealthStub(channel)
            before = (await health.Check(health_pb2.HealthCheckRequest())).status
            await server.set_serving(False)
            after = (await health.Check(health_pb2.HealthCheckRequest())).status
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            answer = await call.read()
            await call.done_writing()
            return before, after, {service.name for service in answer.list_services_response.service}

    before, after, names = asyncio.run(conversation())
    assert (before, after) == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)
    assert "shop.bridge.v1.BridgeService" in names


def test_one_stream_too_many_is_refused_and_a_free_slot_is_given_again() -> None:
    ended = threading.Event()

    def watch(context: grpc.ServicerContext) -> Iterator[orders_pb2.WatchOrderResponse]:
        this_one_ended = threading.Event()
        context.add_callback(this_one_ended.set)
        try:
            yield orders_pb2.WatchOrderResponse()
            this_one_ended.wait(60)
        finally:
            # Also where the server throws the stream away, since its caller went before more was asked of it.
            ended.set()

    with serving(orders_service(watch), max_streams=2) as server, channel_to(server) as channel:
        stub = orders_pb2_grpc.OrdersServiceStub(channel)
        request = orders_pb2.WatchOrderRequest()
        first, second = stub.WatchOrder(request, timeout=60), stub.WatchOrder(request, timeout=60)
        next(first), next(second)
        third = stub.WatchOrder(request, timeout=60)
        with pytest.raises(grpc.RpcError) as refused:
            next(third)
        failure = read_error(refused.value)
        assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        first.cancel()
        assert ended.wait(60)
        give_up_at = time.monotonic() + 60
        while not streams(stub, request):
            assert time.monotonic() < give_up_at
        second.cancel()


def streams(stub: orders_pb2_grpc.OrdersServiceStub, request: orders_pb2.WatchOrderRequest) -> bool:
    call = stub.WatchOrder(request, timeout=60)
    try:
        next(call)
    except grpc.RpcError:
        return False
    call.cancel()
    return True


def test_a_refusal_within_a_stream_arrives_with_its_reason() -> None:
    def watch(_context: grpc.ServicerContext) -> Iterator[orders_pb2.WatchOrderResponse]:
        yield orders_pb2.WatchOrderResponse()
        raise NotFound("ORDER_NOT_FOUND", "gone")

    with serving(orders_service(watch)) as server, channel_to(server) as channel:
        call = orders_pb2_grpc.OrdersServiceStub(channel).WatchOrder(orders_pb2.WatchOrderRequest(), timeout=10)
        next(call)
        with pytest.raises(grpc.RpcError) as refused:
            next(call)
    assert read_error(refused.value).reason == "ORDER_NOT_FOUND"


def test_calls_beyond_the_pending_limit_are_refused_as_overloaded() -> None:
    gate = threading.Event()
    entered = threading.Event()

    def answer(_context: Any) -> bridge_pb2.GetLinkStatusResponse:
        entered.set()
        gate.wait(20)
        return OK

    with serving(bridge_service(answer), workers=1, max_pending=1) as server, channel_to(server) as channel:
        stub = bridge_pb2_grpc.BridgeServiceStub(channel)
        served = stub.GetLinkStatus.future(STATUS, timeout=20)
        entered.wait(20)
        others = [stub.GetLinkStatus.future(STATUS, timeout=20) for _ in range(3)]
        failed = threading.Semaphore(0)
        for call in others:
            call.add_done_callback(lambda _call: failed.release())
        assert failed.acquire(timeout=20)
        assert failed.acquire(timeout=20)
        gate.set()
        assert served.result() == OK
        errors = [call.exception() for call in others if call.exception() is not None]
    failures = [read_error(error) for error in errors]
    assert [(one.code, one.reason) for one in failures] == [(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")] * 2
    # As every refusal of ours it carries its reason; gRPC's own answer has none.
    assert all(DETAILS_KEY in dict(error.trailing_metadata()) for error in errors)


def test_calls_beyond_the_limit_of_an_event_loop_are_refused_in_the_same_way() -> None:
    async def scenario() -> grpc.aio.AioRpcError:
        gate, entered = asyncio.Event(), asyncio.Event()

        class Slow(AioBridge):
            async def GetLinkStatus(self, request: Any, context: Any) -> bridge_pb2.GetLinkStatusResponse:
                entered.set()
                await gate.wait()
                return OK

        service = bridge_service(lambda _context: OK, Slow)
        async with serving_aio(service, max_pending=1) as server, aio_channel_to(server) as channel:
            stub: Any = bridge_pb2_grpc.BridgeServiceStub(channel)
            served = stub.GetLinkStatus(STATUS, timeout=20)
            await asyncio.wait_for(entered.wait(), 20)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetLinkStatus(STATUS, timeout=20)
            gate.set()
            assert await served == OK
            assert await stub.GetLinkStatus(STATUS, timeout=20) == OK
            return refused.value

    error = asyncio.run(scenario())
    assert (read_error(error).code, read_error(error).reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert DETAILS_KEY in dict(error.trailing_metadata())


@pytest.mark.parametrize(("size", "fits"), [(900, True), (1100, False)])
def test_a_request_beyond_the_size_limit_is_refused(size: int, fits: bool) -> None:
    with serving(bridge_service(lambda _context: OK), max_request_bytes=1000) as server, channel_to(server) as channel:
        ask = channel.unary_unary("/shop.bridge.v1.BridgeService/GetLinkStatus")
        # Field 15, length-delimited: unknown to the message, so only its size matters.
        request = b"\x7a" + bytes([(size - 3) & 0x7F | 0x80, (size - 3) >> 7]) + bytes(size - 3)
        if fits:
            assert ask(request, timeout=10)
        else:
            with pytest.raises(grpc.RpcError) as refused:
                ask(request, timeout=10)
            assert read_error(refused.value).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_port_in_use_is_one_typed_error() -> None:
    with serving(bridge_service(lambda _context: OK)) as server:
        address = f"127.0.0.1:{server.port}"
        with pytest.raises(ListenError, match=address):
            build_server(address, [], TOKENS)

        async def build() -> None:
            build_aio_server(address, [], TOKENS)

        with pytest.raises(ListenError, match=address):
            asyncio.run(build())


def test_unavailable_is_retried_for_idempotent_methods_only() -> None:
    calls = []

    def answer(_context: Any) -> bridge_pb2.GetLinkStatusResponse:
        calls.append(1)
        if len(calls) % 2:
            raise Unavailable("DATABASE_AWAY", "try again")
        return OK

    with serving(bridge_service(answer)) as server:
        with channel_to(server) as channel, pytest.raises(grpc.RpcError):
            bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, timeout=10)
        assert len(calls) == 1
        calls.clear()
        with channel_to(server, idempotent=["shop.bridge.v1.BridgeService/GetLinkStatus"]) as channel:
            assert bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, timeout=10) == OK
        assert len(calls) == 2


def test_other_refusals_are_never_retried() -> None:
    calls = []

    def answer(_context: Any) -> bridge_pb2.GetLinkStatusResponse:
        calls.append(1)
        raise ResourceExhausted("OUT_OF_STOCK", "none left")

    with (
        serving(bridge_service(answer)) as server,
        channel_to(server, idempotent=["/shop.bridge.v1.BridgeService/GetLinkStatus"]) as channel,
        pytest.raises(grpc.RpcError),
    ):
        bridge_pb2_grpc.BridgeServiceStub(channel).GetLinkStatus(STATUS, timeout=10)
    assert len(calls) == 1


def test_a_channel_finds_a_server_that_came_back_on_the_same_port() -> None:
    service = bridge_service(lambda _context: OK)
    with serving(service) as server, channel_to(server) as channel:
        stub = bridge_pb2_grpc.BridgeServiceStub(channel)
        assert stub.GetLinkStatus(STATUS, timeout=10) == OK
        server.stop(0)
        with pytest.raises(grpc.RpcError):
            stub.GetLinkStatus(STATUS, timeout=10)
        with serving(service, address=f"127.0.0.1:{server.port}"):
            assert stub.GetLinkStatus(STATUS, timeout=10, wait_for_ready=True) == OK


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in Refusal.__subclasses__()]
    assert len(set(codes)) == len(codes) == 9


@pytest.fixture(autouse=True)
def _quiet_grpc() -> Iterator[None]:
    # gRPC logs the servicer errors that these tests cause; what we log ourselves is tested above.
    logger = logging.getLogger("grpc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
