"""What one frame costs: `python -m tests.hostile.weighing world|ups FILE` prints CPU seconds and megabytes.

A process of its own: what protobuf takes is seen by the kernel only, and stays taken.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

from ups_bridge import codec as ups_codec
from wire.errors import BadMessage
from world_bridge import codec as world_codec


def main() -> None:
    link, file = sys.argv[1:]
    body = Path(file).read_bytes()
    decoders = {
        "world": [world_codec.decode_responses],
        "ups": [ups_codec.decode_announcement, ups_codec.decode_command],
    }
    before, began = peak(), time.process_time()
    for decode in decoders[link]:
        with contextlib.suppress(BadMessage):
            decode(body)
    took = time.process_time() - began
    sys.stdout.write(json.dumps({"cpu_seconds": took, "megabytes": (peak() - before) / 1024}))


def peak() -> int:
    """The most memory that this process ever held, in kB. (What getrusage says was inherited from who started it.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
