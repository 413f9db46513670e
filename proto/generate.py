"""Makes gen/ from proto/: messages, gRPC stubs and their type stubs.

The tree is made in a temporary folder first and swapped in only when protoc
was content, so gen/ is never half made. `--check` changes nothing and exits 1
if gen/ is not what proto/ would make today.
"""

import argparse
import filecmp
import os
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
GEN = ROOT.parent / "gen"
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"


def generate(target: Path) -> None:
    """Writes the generated tree below `target`, an existing empty folder."""
    # protoc finds the type stub plugins, which live beside this interpreter, by PATH.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.proto"))
    arguments = [
        "protoc",
        f"-I{ROOT}",
        f"-I{WELL_KNOWN}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet:{target}",
        *sources,
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("generate: protoc refused proto/ (see above)")
    for path in target.rglob("*_grpc.py*"):
        if "partners" in path.parts:
            path.unlink()
    for folder in (path for path in target.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()


def files_below(folder: Path) -> list[str]:
    """The paths of all files below `folder`, relative to it, compiled ones left out."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def main() -> int:
    """Makes gen/ anew, or with --check compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "gen"
        fresh.mkdir()
        generate(fresh)
        names = files_below(fresh)
        _, differing, missing = filecmp.cmpfiles(fresh, GEN, names, shallow=False)
        stale = sorted({*differing, *missing, *(set(files_below(GEN)) - set(names))})
        if options.check:
            for name in stale:
                print(f"gen/{name} is not what proto/ makes: run `make gen`")
            return 1 if stale else 0
        if stale:
            shutil.rmtree(GEN)
            shutil.copytree(fresh, GEN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
