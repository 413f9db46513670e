"""Both bridges as processes: how they start, stop, and say why they cannot start."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.world_bridge.running import tokens_file

BRIDGES = ("world_bridge", "ups_bridge")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith("MINIMART_")}
    return {
        **ours,
        "MINIMART_TOKENS_FILE": str(folder / "service-tokens"),
        "MINIMART_BRIDGE_LISTEN": "127.0.0.1:0",
        "MINIMART_UPS_LISTEN": "127.0.0.1:0",
        "MINIMART_FULFILMENT_ADDRESS": "127.0.0.1:1",
        "MINIMART_WORLD_ADDRESS": "127.0.0.1:1",
        **settings,
    }


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("bridge", BRIDGES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_with_everything_else_away_and_stops_when_told(
    bridge: str, number: signal.Signals, tmp_path: Path
) -> None:
    tokens_file(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", bridge], env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process, process.stderr as log:
        line = next(line for line in log if "event=serving" in line)
        port = next(word for word in line.split() if word.startswith("port=")).removeprefix("port=")
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(number)
        rest = log.read()
        assert process.wait(60) == 0, rest
        assert "Traceback" not in rest


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_wrong_setting_is_one_line_and_exit_code_two(bridge: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", bridge],
        env=environment(tmp_path, MINIMART_FULFILMENT_ADDRESS="nowhere"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "MINIMART_FULFILMENT_ADDRESS" in done.stderr


@pytest.mark.parametrize(
    ("bridge", "setting"),
    [(bridge, "MINIMART_BRIDGE_LISTEN") for bridge in BRIDGES] + [("ups_bridge", "MINIMART_UPS_LISTEN")],
)
def test_a_port_in_use_is_one_line_and_exit_code_one(bridge: str, setting: str, tmp_path: Path) -> None:
    tokens_file(tmp_path)
    with taken_port() as port:
        done = subprocess.run(
            [sys.executable, "-m", bridge],
            env=environment(tmp_path, **{setting: f"127.0.0.1:{port}", "MINIMART_LOG_LEVEL": "CRITICAL"}),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{bridge}: cannot listen on 127.0.0.1:{port}: ")
