"""Ties a process to the one that starts it: `python tether.py PARENT_PID COMMAND...` becomes COMMAND.

The kernel kills it when its parent dies, even by kill -9. A script of its own, so that the supervisor, which has
threads, runs no Python between fork and exec. It imports nothing of ours: it starts before every service.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks for the kernel's signal, then becomes the command; ends if the parent is gone already."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent):
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
