"""Several processes doing something to one database at the same moment."""

import subprocess
import sys


def run_at_once(programs: list[str], *arguments: str) -> list[str]:
    """Starts Python programs that wait for a line on stdin, lets all go; what each wrote to stderr."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for program in programs
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = []
    for process in processes:
        _, stderr = process.communicate(timeout=150)
        errors.append(stderr if stderr or not process.returncode else f"exit code {process.returncode}")
    return errors
