"""Makes docs/api/ from proto/shop: a page for each service, from the comments in the contracts and proto/examples.toml.

A page has each RPC with what it does, the errors it gives and a call that can be run as it stands; then the messages.
Nothing in these pages is written by hand. `--check` changes nothing and exits 1 if a page is not what would be made.
"""

import argparse
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generate import ROOT, WELL_KNOWN
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

DOCS = ROOT.parent / "docs" / "api"
EXAMPLES = ROOT / "examples.toml"
# Whose port it is, as `minimart up` calls it in run.json.
SERVED_AT = {
    "shop.orders.v1.OrdersService": "orders",
    "shop.inventory.v1.InventoryService": "orders",
    "shop.operations.v1.OperationsService": "orders",
    "shop.sales.v1.SalesService": "orders",
    "shop.fulfilment.v1.FulfilmentService": "fulfilment",
    "shop.bridge.v1.BridgeService": "ups_bridge",
}
MADE = "<!-- Made by `make gen` from {source} and proto/examples.toml: change those. -->"
# Numbers of the fields of FileDescriptorProto and below, of which a location's path is made (descriptor.proto).
_MESSAGES, _ENUMS, _SERVICES, _SYNTAX, _FIELDS, _VALUES, _METHODS = 4, 5, 6, 12, 2, 2, 2
_ERROR = re.compile(r"(?P<status>[A-Z_]{5,})(?: \((?P<reason>[A-Z_]+)\))?: (?P<when>.*)")


@dataclass(frozen=True, slots=True)
class Example:
    """A call of one RPC, as proto/examples.toml has it."""

    method: str
    caller: str
    request: str
    answer: str
    user: int | None = None
    role: str = ""
    seconds: int | None = None
    note: str = ""

    def command(self) -> str:
        """The command line that makes the call."""
        service = self.method.partition("/")[0]
        headers = f'--header "authorization: Bearer $(token {self.caller})"'
        if self.user is not None:
            headers += f' --header "x-acting-user: {self.user}"'
        if self.role:
            headers += f' --header "x-acting-role: {self.role}"'
        limit = f"--timeout {self.seconds}s " if self.seconds else ""
        return (
            f"buf curl {limit}--protocol grpc --http2-prior-knowledge \\\n"
            f"  {headers} \\\n"
            f"  --data '{self.request}' \\\n"
            f'  "http://$(address {SERVED_AT[service]})/{self.method}"'
        )


class Contract:
    """One file of proto/shop, with its comments."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        self._comments = {tuple(where.path): where.leading_comments for where in file.source_code_info.location}

    def comment(self, *path: int) -> str:
        """What stands above something, without the space that follows `//`."""
        lines = self._comments.get(path, "").splitlines()
        return "\n".join(line.removeprefix(" ") for line in lines).strip()


def described() -> list[Contract]:
    """The contracts of proto/shop, by path. SystemExit: protoc refuses them."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "contracts.binpb"
        sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "shop").rglob("*.proto"))
        flags = ["--include_source_info", f"--descriptor_set_out={made}"]
        if protoc.main(["protoc", f"-I{ROOT}", f"-I{WELL_KNOWN}", *flags, *sources]) != 0:
            raise SystemExit("document: protoc refused proto/ (see above)")
        return [Contract(file) for file in FileDescriptorSet.FromString(made.read_bytes()).file]


def examples() -> list[Example]:
    """The examples, in their order."""
    return [Example(**entry) for entry in tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))["example"]]


def pages() -> dict[str, str]:
    """Each page's text by its name. SystemExit: an RPC without an example, or an example without an RPC."""
    contracts, known = described(), examples()
    methods = {
        f"{contract.file.package}.{service.name}/{method.name}"
        for contract in contracts
        for service in contract.file.service
        for method in service.method
    }
    if odd := methods ^ {example.method for example in known}:
        raise SystemExit(f"document: these need an example, or their example an RPC: {', '.join(sorted(odd))}")
    return {f"{_name(contract.file.package)}.md": _page(contract, known) for contract in contracts}


def _page(contract: Contract, known: Sequence[Example]) -> str:
    file = contract.file
    title, _, about = contract.comment(_SYNTAX).partition(": ")
    lines = [f"# {title}", "", MADE.format(source=f"proto/{file.name}"), ""]
    lines += _prose(about[0].upper() + about[1:])
    for at, service in enumerate(file.service):
        full = f"{file.package}.{service.name}"
        lines += [f"## {service.name}", "", f"`{full}`, at the port `{SERVED_AT[full]}`: [how to call it](README.md)."]
        lines += ["", *_prose(contract.comment(_SERVICES, at))]
        for number, method in enumerate(service.method):
            answer = ("a stream of " if method.server_streaming else "") + _link(method.output_type, file.package)
            lines += [f"### {method.name}", "", f"{_link(method.input_type, file.package)} → {answer}", ""]
            lines += _prose(contract.comment(_SERVICES, at, _METHODS, number))
            for example in known:
                if example.method == f"{full}/{method.name}":
                    lines += _shown(example)
    lines += ["## Messages", ""]
    for at, message in enumerate(file.message_type):
        lines += [f"### {message.name}", "", *_prose(contract.comment(_MESSAGES, at)), *_fields(contract, at, message)]
    for at, enum in enumerate(file.enum_type):
        lines += [f"### {enum.name}", "", *_prose(contract.comment(_ENUMS, at)), *_values(contract, at, enum)]
    return "\n".join(lines).rstrip() + "\n"


def _prose(comment: str) -> Iterator[str]:
    """Paragraphs as they are; a paragraph of errors as a table."""
    for paragraph in filter(None, (part.strip() for part in comment.split("\n\n"))):
        if _ERROR.match(paragraph):
            yield from ("| status | reason | when |", "|---|---|---|", *_errors(paragraph), "")
        else:
            yield from (*paragraph.splitlines(), "")


def _errors(paragraph: str) -> Iterator[str]:
    entries: list[str] = []
    for line in paragraph.splitlines():
        if _ERROR.match(line):
            entries.append(line)
        else:
            entries[-1] += f" {line.strip()}"
    for entry in entries:
        error = _ERROR.fullmatch(entry)
        assert error is not None
        reason = f"`{error['reason']}`" if error["reason"] else ""
        yield f"| {error['status']} | {reason} | {_cell(error['when'])} |"


def _shown(example: Example) -> list[str]:
    note = [example.note, ""] if example.note else []
    lines = ["```bash", example.command(), "```", "", *note]
    if example.answer != "{}":
        what = "It is refused with" if '"code"' in example.answer else "It answers"
        lines += [f"{what}, among other things:", "", "```json", example.answer, "```", ""]
    return lines


def _fields(contract: Contract, at: int, message: DescriptorProto) -> list[str]:
    if not message.field:
        return ["It has no fields.", ""]
    rows = []
    for number, field in enumerate(message.field):
        words = [_label(field, message), _type(field, contract.file.package)]
        what = _cell(contract.comment(_MESSAGES, at, _FIELDS, number))
        rows.append(f"| {field.number} | `{field.name}` | {' '.join(filter(None, words))} | {what} |")
    return ["| number | field | type | |", "|---|---|---|---|", *rows, ""]


def _values(contract: Contract, at: int, enum: EnumDescriptorProto) -> list[str]:
    rows = [
        f"| {value.number} | `{value.name}` | {_cell(contract.comment(_ENUMS, at, _VALUES, number))} |"
        for number, value in enumerate(enum.value)
    ]
    return ["| number | value | |", "|---|---|---|", *rows, ""]


def _label(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return "repeated"
    if field.proto3_optional:
        return "optional"
    return f"one of `{message.oneof_decl[field.oneof_index].name}`:" if field.HasField("oneof_index") else ""


def _type(field: FieldDescriptorProto, package: str) -> str:
    if field.type_name:
        return _link(field.type_name, package)
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _link(full: str, package: str) -> str:
    """A message or enum by its full name, with a link to where it is described."""
    owner, _, name = full.removeprefix(".").rpartition(".")
    if not owner.startswith("shop."):
        return name
    return f"[{name}]({'' if owner == package else _name(owner) + '.md'}#{name.lower()})"


def _name(package: str) -> str:
    return package.split(".")[1]


def _cell(comment: str) -> str:
    return " ".join(comment.split()).replace("|", "\\|")


def write_anew(folder: Path, fresh: dict[str, str], kept: Iterable[str] = ("README.md",)) -> None:
    """Leaves the fresh pages in the folder, what is kept, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in {*fresh, *kept}:
            path.unlink()
    for name, text in fresh.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Makes the pages anew, or with --check compares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    fresh = pages()
    if not options.check:
        write_anew(DOCS, fresh)
        return 0
    there = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md") if path.name != "README.md"}
    stale = sorted(name for name in {*fresh, *there} if fresh.get(name) != there.get(name))
    for name in stale:
        print(f"docs/api/{name} is not what proto/ makes: run `make gen`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
