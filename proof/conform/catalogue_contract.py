"""Cases of section 12: the partner's contract, as lines and as a fingerprint, against ours."""

import re

from partners.ups import ups_pb2 as ups
from proof.conform.cases import CaseFailed, Catalogue, NotApplicable
from proof.conform.kit import START, Kit
from proof.conform.speech import CONTRACT, FEATURES, contract_lines, fingerprint, hello
from proof.conform.wording import as_text, shortened

contract = Catalogue()

_LINE = re.compile(
    r"(UAstart|AUCommand|UACommand) [1-9]\d*(\.[1-9]\d*)* (required|optional|repeated)"
    r" (message|double|float|u?int32|u?int64|sint32|sint64|s?fixed32|s?fixed64|bool|string|bytes) \w+(\.\w+)*"
)


def _theirs(kit: Kit) -> ups.Contract:
    kit.has(CONTRACT)
    start = kit.said(START)[-1].message
    assert isinstance(start, ups.UAstart)
    if not start.HasField("contract"):
        raise CaseFailed("a contract in the UAstart that names the feature", "there is none")
    return start.contract


def _lines(kit: Kit) -> list[str]:
    lines = [as_text(line) for line in _theirs(kit).fields]
    if not lines:
        raise NotApplicable("the partner's contract has a fingerprint alone (12.3)")
    return lines


@contract.must("12.1a", "each line of the contract is five words, as the document has them")
async def _(kit: Kit) -> None:
    await kit.connected()
    for line in _lines(kit):
        if not _LINE.fullmatch(line):
            such = "lines such as `UACommand 1.2 required int32 loadRequests.truckId`"
            raise CaseFailed(such, f"{shortened(line)!r} came")


@contract.must("12.1b", "the lines are in their order")
async def _(kit: Kit) -> None:
    await kit.connected()
    roots = ("UAstart", "AUCommand", "UACommand")
    keys = []
    for line in _lines(kit):
        if not _LINE.fullmatch(line):
            raise CaseFailed("lines that can be read (12.1a)", f"{shortened(line)!r} came")
        root, path, *_ = line.split(" ")
        keys.append((roots.index(root), [int(part) for part in path.split(".")]))
    if keys != sorted(keys):
        raise CaseFailed("UAstart, AUCommand, UACommand, and in each the paths rising", "they are in another order")


@contract.must("12.2a", "the fingerprint is that of the lines")
async def _(kit: Kit) -> None:
    await kit.connected()
    lines, told = _lines(kit), as_text(_theirs(kit).fingerprint)
    if told != fingerprint(lines):
        raise CaseFailed(f"the fingerprint {fingerprint(lines)} of these {len(lines)} lines", f"{shortened(told)} came")


@contract.should("12.3a", "the lines come with the fingerprint")
async def _(kit: Kit) -> None:
    await kit.connected()
    if not _theirs(kit).fields:
        raise CaseFailed("lines beside the fingerprint", "none came: a difference cannot be named")


@contract.must("12.3b", "the contract comes with the feature")
async def _(kit: Kit) -> None:
    await kit.connected()
    told = as_text(_theirs(kit).fingerprint)
    if not re.fullmatch("[0-9a-f]{16}", told):
        raise CaseFailed("16 lower-case hex digits", f"{told[:40]!r} came")


@contract.must("12.4a", "the partner's base is ours: the same fields under the same numbers, of the same types")
async def _(kit: Kit) -> None:
    await kit.connected()
    lines = _lines(kit)
    theirs, named = {_key(line): line for line in lines}, {_name(line): line for line in lines}
    for line in contract_lines(base_only=True):
        found = theirs.get(_key(line)) or named.get(_name(line))
        if found is None:
            raise CaseFailed(f"the field `{line}`", "the partner has none there, and none of this name")
        if found.split(" ")[1:4] != line.split(" ")[1:4]:
            raise CaseFailed(f"the field `{line}`", f"the partner's is `{shortened(found)}`")


def _key(line: str) -> str:
    return " ".join(line.split(" ")[:2])


def _name(line: str) -> tuple[str, str]:
    return line.partition(" ")[0], line.rpartition(" ")[2]


async def _greeted(kit: Kit, lines: list[str], said: str = "") -> None:
    """Comes again with this contract in our hello, and has a job done."""
    kit.has(CONTRACT)
    told = hello(FEATURES, lines)
    if said:
        told.hello.contract.fingerprint = said
    kit.hello = told
    before = await kit.connected()
    kit.amazon.hang_up()
    partner = await kit.renewed(before)
    await kit.delivered(kit.order())
    if partner.ended:
        raise CaseFailed("the connection to stay", "it was closed")


@contract.must("12.5a", "a contract of ours that differs leaves the connection")
async def _(kit: Kit) -> None:
    lines = [line.replace("UACommand 3 ", "UACommand 8 ") for line in contract_lines()]
    await _greeted(kit, lines)


@contract.must("12.5b", "a contract of ours without lines, and one that is nonsense, leave the connection")
async def _(kit: Kit) -> None:
    await _greeted(kit, [], "0123456789abcdef")
    await _greeted(kit, ["", "UAstart", "UAstart x y z w", "\0 \n ", "UACommand 1 required int32 " + "x" * 5000], "?")
