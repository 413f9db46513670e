"""One golden vector, and its line in a file."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor import Descriptor

from partners.ups import ups_pb2
from partners.world import world_amazon_pb2, world_ups_pb2

FOLDER = Path(__file__).resolve().parent
HEADER = ("id", "section", "kind", "reads", "verdict", "messages")
UNSPECIFIED = "unspecified.tsv"
MESSAGES: dict[str, Descriptor] = {
    name: message
    for module in (ups_pb2, world_amazon_pb2, world_ups_pb2)
    for name, message in module.DESCRIPTOR.message_types_by_name.items()
}
# A stream from UPS to Amazon: each body is a UAstart or a UACommand.
FROM_UPS = "UPS"
CAP = 4 * 1024 * 1024
OK, CUT, BAD_LENGTH, TOO_LARGE, BAD_MESSAGE, MISSING_FIELD = VERDICTS = (
    "ok",
    "cut",
    "bad-length",
    "too-large",
    "bad-message",
    "missing-field",
)
_SHORT = 40
_RUN = re.compile(rb"(.)\1{39,}", re.DOTALL)


@dataclass(frozen=True)
class Vector:
    """`reads`: the stream as it comes; `messages`: (name, canonical bytes) of each one accepted before the verdict.

    `java`: verdict and messages of Java's parser, where it may differ.
    """

    id: str
    section: str
    kind: str
    reads: tuple[bytes, ...]
    verdict: str
    messages: tuple[tuple[str, bytes], ...]
    java: tuple[str, tuple[tuple[str, bytes], ...]] | None = None

    def line(self) -> str:
        reads = "|".join(pack(read) for read in self.reads) or "-"
        cells = [self.id, self.section, self.kind, reads, self.verdict, listed(self.messages)]
        if self.java is not None:
            cells += [self.java[0], listed(self.java[1])]
        return "\t".join(cells)


@dataclass(frozen=True)
class Read:
    """A vector as a runner reads it from a file; `told` is the verdict and the messages in short, `java` Java's."""

    id: str
    section: str
    kind: str
    reads: tuple[bytes, ...]
    told: tuple[str, ...]
    java: tuple[str, ...]


def listed(messages: tuple[tuple[str, bytes], ...]) -> str:
    return ",".join(f"{name}:{brief(body)}" for name, body in messages) or "-"


def pack(data: bytes) -> str:
    """Hex; a run of 40 equal bytes or more as (hh*count)."""
    out, position = [], 0
    for run in _RUN.finditer(data):
        out += [data[position : run.start()].hex(), f"({run[1].hex()}*{len(run[0])})"]
        position = run.end()
    return "".join([*out, data[position:].hex()])


def unpack(text: str) -> bytes:
    pieces = re.split(r"\(([0-9a-f]{2})\*(\d+)\)", text)
    out = [bytes.fromhex(pieces[0])]
    for value, count, rest in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        out += [bytes.fromhex(value) * int(count), bytes.fromhex(rest)]
    return b"".join(out)


def brief(body: bytes) -> str:
    """Canonical bytes in hex; long ones as #length#start of their SHA-256."""
    return body.hex() if len(body) <= _SHORT else f"#{len(body)}#{hashlib.sha256(body).hexdigest()[:16]}"


def read_file(name: str) -> list[Read]:
    found = []
    for line in (FOLDER / name).read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            id, section, kind, reads, *cells = line.split("\t")
            chunks = () if reads == "-" else tuple(unpack(read) for read in reads.split("|"))
            found.append(Read(id, section, kind, chunks, _told(*cells[:2]), _told(*cells[-2:])))
    return found


def _told(verdict: str, messages: str) -> tuple[str, ...]:
    return (verdict,) if messages == "-" else (verdict, *messages.split(","))
