"""Holds proto/ against proto/baseline.binpb: nothing that somebody may rely on changes by accident.

Whoever reads a failure is told what to do. The baseline has to know every field of today, or a new one could change
unseen. `--accept` makes the baseline anew; where that gives up a promise, only with `--force`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
BASELINE = Path("proto/baseline.binpb")
BUF = Path(sys.executable).parent / "buf"

BROKEN = """
What is named above breaks programs that were built from the contract as it was. Most likely you want one of these:
  * to add: give the new field, value or RPC a number or name of its own, and leave the others alone;
  * to remove a field or value: delete it, and write `reserved` with its number and its name in its place;
  * to rename, or to change a type, label or number: add a new field beside the old one, fill both, and say in the old
    one's comment that it is kept for those who read it;
  * to change what an RPC does: add another RPC, or a package of the next version (shop.orders.v2).
proto/partners is another team's program: its numbers, labels and types never change, and what is new is optional.
If nobody relies on the old form, as before the first release: `make baseline FORCE=1`, commit proto/baseline.binpb
together with the change, and say in the commit's message who could have been hurt and why nobody is."""

GROWN = """proto/ has grown since proto/baseline.binpb was made: what is new is not held against later changes.
Nothing is broken. Run `make baseline` and commit proto/baseline.binpb together with the change."""

REFUSED = """
The baseline was left as it was. To give these promises up all the same: make baseline FORCE=1"""


def breaks(root: Path) -> str:
    """What breaks, a line each; empty: nothing."""
    command = [str(BUF), "breaking", "--against", str(BASELINE)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    return "" if done.returncode == 0 else (done.stdout + done.stderr).rstrip()


def image(root: Path) -> bytes:
    """Today's contracts without their comments. SystemExit: buf does not understand them."""
    command = [str(BUF), "build", "--exclude-source-info", "-o", "-#format=binpb"]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)  # noqa: S603 - our own tool
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace"))
    return done.stdout


def promises(image: bytes) -> dict[str, bytes]:
    """What an image says about each file of ours, whatever tool and version made it."""
    said = {}
    for file in FileDescriptorSet.FromString(image).file:
        if not file.name.startswith("google/"):
            file.ClearField("source_code_info")
            file.DiscardUnknownFields()
            said[file.name] = file.SerializeToString(deterministic=True)
    return said


def main() -> int:
    """Checks, or with --accept makes the baseline anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="make the baseline anew")
    parser.add_argument("--force", action="store_true", help="... also where that breaks a promise")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of buf.yaml")
    options = parser.parse_args()
    broken = breaks(options.root)
    if broken and not (options.accept and options.force):
        print(broken, REFUSED if options.accept else BROKEN, sep="\n")
        return 1
    today = image(options.root)
    if options.accept:
        (options.root / BASELINE).write_bytes(today)
    elif promises(today) != promises((options.root / BASELINE).read_bytes()):
        print(GROWN)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
