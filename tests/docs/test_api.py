"""Every call in docs/api is run as it stands there, against real services; nothing that can go wrong is left unsaid."""

import ast
import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from proof.processes import free_address
from tests.e2e.running import RunningShop, shop
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "api"
DEADLINE_EXCEEDED = 4 << 3
# What buf ends with, by the code of a refusal.
REFUSED = {code.value[1].replace(" ", "_"): code.value[0] << 3 for code in grpc.StatusCode}
SECONDS = 150.0
README = (PAGES / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The README's blocks, in their order.
SETUP, LOOKING, ALONE, SETUP_ALONE = (text for language, text in BLOCK.findall(README) if language == "bash")


def examples(page: str) -> list[tuple[str, Any]]:
    """The calls of a page with what each answers at least."""
    found: list[tuple[str, Any]] = []
    for language, text in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        if language == "bash":
            found.append((text, {}))
        else:
            found[-1] = (found[-1][0], json.loads(text))
    return found


def run(setup: str, call: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = f"PATH={Path(sys.executable).parent}:$PATH\n{setup}{call}"
    return subprocess.run(
        ["bash", "-uc", script], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def last_answer(text: str) -> Any:
    """The last of one or more JSON documents."""
    decoder, at, answer = json.JSONDecoder(), 0, None
    while at < len(text.rstrip()):
        answer, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
    return answer


def holds(answer: Any, least: Any) -> bool:
    """Whether an answer holds at least this, at every depth."""
    if isinstance(least, dict):
        return isinstance(answer, dict) and all(key in answer and holds(answer[key], least[key]) for key in least)
    if isinstance(least, list):
        return isinstance(answer, list) and len(answer) >= len(least) and all(map(holds, answer, least))
    return bool(answer == least)


def answered(setup: str, page: str, folder: Path) -> list[str]:
    """Runs a page's calls in their order; which RPCs they were."""
    called = []
    for call, least in examples(page):
        done = run(setup, call, folder)
        code = DEADLINE_EXCEEDED if "--timeout" in call else REFUSED.get(least.get("code", ""), 0)
        assert done.returncode == code, f"{call}\n{done.stdout}\n{done.stderr}"
        said = done.stderr if "code" in least else done.stdout
        assert holds(last_answer(said), least), f"{call}\n{said}\ndoes not hold {least}"
        called.append(re.findall(r"/([\w.]+/\w+)\"", call)[-1])
    return called


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with a shop that is up, and an orders service alone; both are where the README says."""

    folder: Path
    running: RunningShop
    alone: str

    @property
    def setup_alone(self) -> str:
        return SETUP_ALONE.replace("127.0.0.1:7002", self.alone)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("api")
    address, log = free_address(), folder / "alone.log"
    command = ALONE.replace("127.0.0.1:7001", "127.0.0.1:0").replace("127.0.0.1:7002", address)
    script = f"PATH={Path(sys.executable).parent}:$PATH\n{command}"
    with log.open("wb") as output:
        # One simple command at the end: the shell becomes it.
        process = subprocess.Popen(["bash", "-c", script], cwd=folder, stdout=output, stderr=output)
    try:
        with shop(folder / "var") as running:
            running.wait_until_well()
            wait_until(lambda: "event=serving" in log.read_text(), "the lone service serves", SECONDS)
            yield Stage(folder, running, address)
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.timeout(600)
def test_every_call_of_the_pages_is_answered_as_they_say(stage: Stage) -> None:
    called: list[str] = []
    for page in ("orders.md", "inventory.md", "sales.md", "operations.md", "bridge.md"):
        called += answered(SETUP, page, stage.folder)
    called += answered(stage.setup_alone, "fulfilment.md", stage.folder)
    methods = {
        f"{package}.{service}/{rpc}"
        for path in (ROOT / "proto" / "shop").rglob("*.proto")
        for text in [path.read_text(encoding="utf-8")]
        for package in re.findall(r"^package (\S+);", text, re.MULTILINE)
        for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
        for rpc in re.findall(r"^  rpc (\w+)", body, re.MULTILINE)
    }
    assert set(called) == methods
    # Calls that were ended by their --timeout are nobody's failure.
    assert "rpc_failed" not in stage.running.log


def test_health_and_reflection_are_open(stage: Stage) -> None:
    done = run(SETUP, LOOKING, stage.folder)
    assert done.returncode == 0, done.stderr
    assert '"SERVING"' in done.stdout
    assert "shop.orders.v1.OrdersService/PlaceOrder" in done.stdout


@pytest.mark.parametrize(("token", "reason"), [("Bearer $(token cli)", "NO_TOKEN"), ("$(token cli)", "UNKNOWN_TOKEN")])
def test_a_call_without_its_token_is_refused_as_the_page_says(stage: Stage, token: str, reason: str) -> None:
    call, _ = examples("orders.md")[0]
    done = run(SETUP, call.replace(token, "nobody"), stage.folder)
    assert done.returncode == grpc.StatusCode.UNAUTHENTICATED.value[0] << 3
    (detail,) = json.loads(done.stderr)["details"]
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(detail["value"] + "=="))
    assert (info.reason, info.domain) == (reason, "minimart")


def test_every_status_in_the_pages_is_one_of_grpcs() -> None:
    for page in PAGES.glob("*.md"):
        table = re.compile(r"^\| ([A-Z_]{5,}) \| .* \| .* \|$", re.MULTILINE)
        for status in table.findall(page.read_text(encoding="utf-8")):
            assert status in grpc.StatusCode.__members__, f"{page.name}: {status}"


# Reasons that no call can give.
NEVER = {"NO_CALLER": "outside of a call"}
REFUSALS = {
    "FailedPrecondition",
    "NotFound",
    "AlreadyExists",
    "ResourceExhausted",
    "Aborted",
    "Unavailable",
    "PermissionDenied",
    "Unauthenticated",
}


def given_reasons() -> Iterator[tuple[str, str]]:
    """Every reason that the services' code gives, with where."""
    for package in ("orders_svc", "ups_bridge", "world_bridge", "mesh"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in REFUSALS
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", str(node.args[0].value)


def test_every_reason_that_the_services_give_is_in_the_pages() -> None:
    said = "\n".join(page.read_text(encoding="utf-8") for page in PAGES.glob("*.md"))
    reasons = list(given_reasons())
    assert len(reasons) > 15
    unsaid = [f"{where}: {reason}" for where, reason in reasons if f"`{reason}`" not in said and reason not in NEVER]
    assert not unsaid, "\n".join(unsaid)
