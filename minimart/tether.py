"""Ties a process to the one that starts it: `python -m minimart.tether PARENT_PID [--as UID:GID] COMMAND...`.

It becomes COMMAND, as another user if told, and the kernel ends it when its parent dies, even by kill -9. A script of
its own, so that a starter that has threads runs no Python between fork and exec. It imports nothing of ours: it starts
before every service.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks for the kernel's signal, then becomes the command; ends if the parent is gone already."""
    parent, *command = sys.argv[1:]
    if command[0] == "--as":
        user, group = (int(number) for number in command[1].split(":"))
        command = command[2:]
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    # After the change of user, which would forget it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == int(parent):
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
