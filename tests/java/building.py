"""Compiles the Java of these tests, once for all of them and all their processes.

Rules: everything below tests/java together with the classes that protoc makes of proto/partners; the result is kept
below .pytest_cache under a digest of all sources, so that only a change compiles again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JAR = Path("/usr/share/java/protobuf.jar")
PROTO = ROOT / "proto"
CACHE = ROOT / ".pytest_cache" / "java"
# Starts within half a second, and does not take the machine from others.
OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m")


def classpath() -> str:
    """Where the compiled classes and protobuf are."""
    return f"{JAR}:{compiled()}"


def command(main_class: str, *arguments: str) -> list[str]:
    """The command line that runs a class."""
    return ["java", *OPTIONS, "-cp", classpath(), main_class, *arguments]


def compiled() -> Path:
    """The folder of classes; compiled when the sources have changed."""
    missing = [name for name in ("java", "javac", "protoc") if shutil.which(name) is None]
    assert not missing, f"{', '.join(missing)} missing: apt-get install default-jdk-headless protobuf-compiler"
    assert JAR.exists(), f"{JAR} is missing: apt-get install libprotobuf-java"
    protos = sorted(PROTO.glob("partners/**/*.proto"))
    sources = sorted(Path(__file__).parent.rglob("*.java"))
    digest = hashlib.sha256(str(JAR.resolve()).encode())
    for path in [*protos, *sources]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    target = CACHE / digest.hexdigest()[:16]
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _compile(protos, sources, target)
    return target


def _compile(protos: list[Path], sources: list[Path], target: Path) -> None:
    for old in CACHE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        generated, classes = Path(made) / "generated", Path(made) / "classes"
        generated.mkdir()
        _run("protoc", f"-I{PROTO}", f"--java_out={generated}", *protos)
        javac = ("javac", "-encoding", "UTF-8", "-J-XX:TieredStopAtLevel=1", "-d", classes)
        _run(*javac, "-nowarn", "-cp", JAR, *generated.rglob("*.java"))
        _run(*javac, "-Xlint:all", "-Werror", "-cp", f"{JAR}:{classes}", *sources)
        os.rename(classes, target)


def _run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout}{done.stderr}"


if __name__ == "__main__":
    sys.stdout.write(f"{classpath()}\n")
