"""The written contract with UPS says what the proto and the code say: fields, fingerprint, times and limits."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from orders_svc.domain import amendments
from orders_svc.domain.patience import Patience
from orders_svc.rpc.orders import MAX_ACCOUNT
from orders_svc.service.app import ACCOUNT_SECONDS
from orders_svc.service.commands import MAX_ITEMS_TEXT
from partners.ups import ups_pb2
from ups_bridge import features
from ups_bridge.codec import MAX_TEXT
from ups_bridge.config import Settings
from ups_bridge.rules import Rules
from wire.link import Limits
from wire.session import Policy

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "ups-protocol.md").read_text(encoding="utf-8")
MESSAGES = ups_pb2.DESCRIPTOR.message_types_by_name
ROOTS = ("UAstart", "AUCommand", "UACommand")
FIRST_OF_THE_EXTENSION = 10
TYPES = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_MESSAGE: "message",
}


def label(field: FieldDescriptor) -> str:
    return "repeated" if field.is_repeated else "required" if field.is_required else "optional"


def base_fields(message: Descriptor) -> list[FieldDescriptor]:
    return sorted(
        (field for field in message.fields if field.number < FIRST_OF_THE_EXTENSION), key=lambda field: field.number
    )


def contract_lines(root: str, message: Descriptor, path: str = "", names: str = "") -> Iterator[str]:
    for field in base_fields(message):
        here, named = f"{path}{field.number}", f"{names}{field.name}"
        yield f"{root} {here} {label(field)} {TYPES[field.type]} {named}"
        if field.message_type is not None:
            yield from contract_lines(root, field.message_type, f"{here}.", f"{named}.")


def limit(what: str) -> str:
    """The cell of the table of times and limits."""
    found = re.search(rf"^\| {re.escape(what)} \| (.*?) \|", DOCUMENT, re.MULTILINE)
    assert found, f"no limit for {what!r}"
    return found[1]


def test_every_rule_has_an_id_of_its_own() -> None:
    ids = re.findall(r"^\* \*\*(\d+(?:\.\d+)+)\*\*", DOCUMENT, re.MULTILINE)
    assert len(ids) > 80
    assert [rule for rule, count in Counter(ids).items() if count > 1] == []
    sections = {int(number) for number in re.findall(r"^## (\d+)\.", DOCUMENT, re.MULTILINE)}
    assert {int(rule.partition(".")[0]) for rule in ids} <= sections
    assert sections == set(range(1, len(sections) + 1))


def test_every_reference_leads_to_a_rule_or_a_section() -> None:
    known = set(re.findall(r"^\* \*\*(\d+(?:\.\d+)+)\*\*", DOCUMENT, re.MULTILINE))
    known |= set(re.findall(r"^##+ (\d+(?:\.\d+)*)", DOCUMENT, re.MULTILINE))
    prose = re.sub(r"```.*?```", "", DOCUMENT, flags=re.DOTALL)
    referred = {
        one for group in re.findall(r"\(([^()]*)\)", prose) for one in re.findall(r"\b\d+\.\d+(?:\.\d+)?", group)
    }
    assert referred
    assert referred - known == set()


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_the_table_of_messages_is_the_proto(name: str) -> None:
    row = re.search(rf"^\| {name} \| (.*) \|$", DOCUMENT, re.MULTILINE)
    if row is None:
        assert f"message {name} " in DOCUMENT, "it is neither in the base nor in the extension"
        return
    written = [
        f"{field.number} {label(field)} {type_name(field)} {field.name}" for field in base_fields(MESSAGES[name])
    ]
    assert row[1].split("; ") == written


def type_name(field: FieldDescriptor) -> str:
    return field.message_type.name if field.message_type is not None else TYPES[field.type]


def test_the_lines_and_the_fingerprint_of_the_base_are_those_of_the_proto() -> None:
    lines = [line for root in ROOTS for line in contract_lines(root, MESSAGES[root])]
    assert "```\n" + "\n".join(lines) + "\n```" in DOCUMENT
    hashed = "".join(line.rpartition(" ")[0] + "\n" for line in lines)
    assert f"fingerprint `{hashlib.sha256(hashed.encode()).hexdigest()[:16]}`" in DOCUMENT


def test_the_extension_in_the_document_is_that_of_the_proto() -> None:
    block = re.search(r"```proto\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    written: dict[str, list[str]] = {}
    for name, fields in re.findall(r"^message (\w+) +\{(.*?)\}", block[1], re.MULTILINE | re.DOTALL):
        written[name] = re.findall(r"(\w+ \w+ \w+ = \d+);", fields)
    base = {name for name in MESSAGES if re.search(rf"^\| {name} \(?", DOCUMENT, re.MULTILINE)} | set(ROOTS)
    assert set(written) == set(MESSAGES) - base | set(ROOTS)
    for name, fields in written.items():
        known = sorted(MESSAGES[name].fields, key=lambda field: field.number)
        ours = [field for field in known if name not in base or field.number >= FIRST_OF_THE_EXTENSION]
        assert fields == [f"{label(field)} {type_name(field)} {field.name} = {field.number}" for field in ours], name


def test_the_features_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.partition("### 11.1")[2].partition("### 11.3")[0], re.MULTILINE)
    assert table == list(features.SPOKEN)
    assert {amendments.REDIRECT, amendments.CANCEL, amendments.ACCOUNT_CHECK} <= set(features.SPOKEN)


def test_times_and_limits_are_those_of_the_code() -> None:
    rules, policy, limits, patience = Rules(), Policy(), Limits(), Patience(6.0)
    assert limit("from accept to UAstart") == f"{rules.announce_seconds:g} s"
    announced = limit("connections that have announced nothing")
    assert announced.startswith(f"{rules.max_waiting},")
    assert f"{limits.max_connections + 1}th" in announced
    assert limit("body that is read") == f"up to {Settings.model_fields['max_frame'].default // 2**20} MiB"
    assert limit("body that is sent") == f"up to {rules.max_frame // 1024} KiB"
    assert limit("a UPS that takes nothing").startswith(f"closed after {limits.write_seconds:g} s")
    assert f"{limits.queue_bytes // 2**20} MiB" in limit("a UPS that takes nothing")
    assert limit("a UPS that is gone without a word") == f"noticed after {4 * limits.keepalive_seconds:g} s"
    assert limit("wait for an ack before the copy") == f"{policy.patience} ticks + {policy.slack} s"
    assert limit("copies in one wait, when acks are missing") == (
        f"{rules.max_copies}; {policy.budget:,} elements a tick in all"
    )
    assert limit("silence before the wait grows") == (
        f"{policy.silent_waits} waits; it grows up to {policy.longest_wait:g} s"
    )
    window = f"{Settings.model_fields['window'].default:,}, or {policy.window_bytes // 2**20} MiB of them;"
    assert limit("elements unacked by UPS").startswith(window)
    assert limit("elements of UPS not yet written down") == (
        f"{rules.max_queued:,}; reading stops at {rules.max_queued // 2:,}"
    )
    for what, ticks in (
        ("no UALoadRequest for a packed shipment", patience.truck),
        ("no UADelivered", patience.delivery),
    ):
        assert f"after {ticks:g} ticks, then {2 * ticks:g}, ... at most {patience.longest:g}" in limit(what)
    assert limit("no answer to a redirect or a cancel") == (
        f"asked again after {patience.answer:g} ticks, then {2 * patience.answer:g}, ... at most {patience.longest:g}; "
        f"{patience.max_asks} questions in all"
    )
    assert limit("no answer to an account check").startswith(f"{ACCOUNT_SECONDS:g} s,")
    assert limit("questions without progress before a person is told") == f"{patience.max_checks}"
    assert limit("after an Err") == (
        f"{patience.retry} ticks, doubling up to {patience.longest_retry:g}; {patience.max_failures} in a row"
    )
    assert limit("`items`") == f"{MAX_ITEMS_TEXT} characters"
    assert limit("`upsName`") == f"{MAX_ACCOUNT} characters"
    assert limit("`err`") == f"{MAX_TEXT:,} characters are kept"
