"""Every golden vector gets the verdict that stands beside it, from our side and from Java; and the files are fresh."""

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.java import building
from tests.vectors import generate
from tests.vectors.runner import told
from tests.vectors.vector import (
    BAD_LENGTH,
    CUT,
    FOLDER,
    MESSAGES,
    TOO_LARGE,
    UNSPECIFIED,
    VERDICTS,
    Read,
    pack,
    read_file,
    unpack,
)

FILES = tuple(generate.FILES)
GOLDEN = tuple(name for name in FILES if name != UNSPECIFIED)


@pytest.fixture(scope="module")
def java() -> dict[str, list[tuple[str, str, str]]]:
    """For each file what the Java runner says: (id, by the contract's framing, by parseDelimitedFrom)."""
    command = building.command("Vectors", *(str(FOLDER / name) for name in FILES))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    lines: Iterator[str] = iter(done.stdout.splitlines())
    said = {}
    for name in FILES:
        said[name] = [(row[0], row[1], row[2]) for _ in read_file(name) if (row := next(lines).split("\t"))]
    assert next(lines, None) is None
    return said


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_the_generator_makes(name: str) -> None:
    path = FOLDER / name
    assert path.read_text(encoding="ascii") == generate.content(name), "stale: python -m tests.vectors.generate"


@pytest.mark.parametrize("name", FILES)
def test_our_side_gives_each_verdict(name: str) -> None:
    wrong = [
        f"{vector.id}: {vector.told} expected, {said}"
        for vector in read_file(name)
        if (said := told(vector)) != vector.told
    ]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("name", FILES)
def test_java_gives_each_verdict(name: str, java: dict[str, list[tuple[str, str, str]]]) -> None:
    wrong = [
        f"{vector.id}: {vector.java} expected, {said}"
        for vector, (id, said, _) in zip(read_file(name), java[name], strict=True)
        if (vector.id, ",".join(vector.java)) != (id, said)
    ]
    assert not wrong, "\n".join(wrong[:20])


def test_parse_delimited_from_alone_is_fooled_where_the_document_says_and_nowhere_else(
    java: dict[str, list[tuple[str, str, str]]],
) -> None:
    fooled: Counter[tuple[str, str]] = Counter()
    for name in GOLDEN:
        for id, said, stock in java[name]:
            if stock not in (said, "-"):
                verdict = said.partition(",")[0]
                assert verdict in (CUT, BAD_LENGTH, TOO_LARGE), id
                fooled[verdict, stock.partition(",")[0]] += 1
    assert fooled[CUT, "ok"] > 10
    assert fooled[BAD_LENGTH, "ok"] > 3
    assert fooled[TOO_LARGE, "ok"] > 3


def test_the_vectors_are_many_and_name_every_message_field_and_verdict() -> None:
    vectors = [vector for name in GOLDEN for vector in read_file(name)]
    assert len(vectors) >= 500
    assert {vector.told[0] for vector in vectors} == set(VERDICTS)
    for vector in vectors:
        assert vector.told == vector.java
    ids = {vector.id for vector in vectors}
    for name, message in MESSAGES.items():
        assert f"{name}/full" in ids
        for field in message.fields:
            assert any(id.startswith(f"{name}.{field.name}/") for id in ids), f"{name}.{field.name}"


@pytest.mark.parametrize(
    "data", [b"", b"a", b"\0" * 39, b"\0" * 40, b"ab" + b"x" * 1000 + b"c" + b"y" * 50, bytes(range(256))]
)
def test_runs_of_bytes_are_written_short(data: bytes) -> None:
    assert unpack(pack(data)) == data


def test_a_wrong_verdict_would_be_seen() -> None:
    vector = next(vector for vector in read_file("streams.tsv") if vector.id == "ups/start-and-more")
    changed = Read(vector.id, vector.section, vector.kind, (*vector.reads, b"\xff"), vector.told, vector.java)
    assert told(changed) != vector.told
