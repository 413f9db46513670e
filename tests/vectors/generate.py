"""Makes the golden vectors: `python -m tests.vectors.generate [--check]`.

Each verdict is known from how the bytes were made; no parser is asked. What a line says is in README.md.
"""

import argparse
import sys

from tests.vectors import cases, fields
from tests.vectors.vector import FOLDER, HEADER, UNSPECIFIED, Vector

FILES = {
    "fields.tsv": ("each message and each field", fields.vectors),
    "streams.tsv": ("frames, lengths, cuts and hostile bytes", cases.streams),
    "bodies.tsv": ("what a body may hold", cases.bodies),
    UNSPECIFIED: (
        "what nobody may send: parsers disagree; Python's verdict and messages, then Java's",
        cases.unspecified,
    ),
}


def content(name: str) -> str:
    """What the file of this name holds."""
    about, make = FILES[name]
    made: list[Vector] = list(make())
    ids = [vector.id for vector in made]
    assert len(set(ids)) == len(ids), f"{name}: an id comes twice: {next(one for one in ids if ids.count(one) > 1)}"
    lines = [f"# {about}; made by tests/vectors/generate.py, see README.md", "# " + "\t".join(HEADER)]
    return "\n".join([*lines, *(vector.line() for vector in made)]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if the files are stale")
    check = parser.parse_args().check
    stale = []
    for name in FILES:
        path, text = FOLDER / name, content(name)
        if not path.exists() or path.read_text(encoding="ascii") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="ascii")
    if stale:
        sys.stdout.write(f"{'stale' if check else 'written'}: {', '.join(stale)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
