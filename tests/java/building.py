"""Compiles the Java of these tests, once for all of them and all their processes.

Rules: each part is its sources together with the classes that protoc makes of its contracts; the result is kept below
.pytest_cache under a digest of all that it is made of, so that only a change compiles again. What has no need of gRPC
is compiled without it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
JARS = Path("/usr/share/java")
JAR = JARS / "protobuf.jar"
PROTO = ROOT / "proto"
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"
CACHE = ROOT / ".pytest_cache" / "java"
# Starts within half a second, and does not take the machine from others.
OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m")
# netty-all.jar is empty on Debian: its parts are named one by one.
GRPC = (
    *(f"grpc-{part}" for part in ("api", "context", "core", "netty", "protobuf", "protobuf-lite", "stub")),
    *(f"netty-{part}" for part in ("buffer", "codec", "codec-http", "codec-http2", "common")),
    *(
        f"netty-{part}"
        for part in ("handler", "handler-proxy", "resolver", "transport", "transport-native-unix-common")
    ),
    *("geronimo-annotation-1.3-spec", "gson", "guava", "jsr305", "perfmark-api"),
)
GRPC_PACKAGES = (
    "protobuf-compiler-grpc-java-plugin libgrpc-java libnetty-java libperfmark-java "
    "libgeronimo-annotation-1.3-spec-java libgoogle-gson-java libguava-java libjsr305-java"
)


@dataclass(frozen=True, slots=True)
class Part:
    """Sources that belong together, the contracts that they speak, and what else they need."""

    name: str
    protos: str
    owns: Callable[[Path], bool]
    jars: Sequence[Path]
    flags: Sequence[str] = ()
    # Programs, and Debian's packages with them and the jars.
    programs: Sequence[str] = ("java", "javac", "protoc")
    packages: str = "default-jdk-headless protobuf-compiler libprotobuf-java"

    def sources(self) -> list[Path]:
        """Its own sources."""
        return sorted(path for path in HERE.rglob("*.java") if self.owns(path.relative_to(HERE)))


PARTNER = Part("partner", "partners/**/*.proto", lambda path: path.parts[0] != "shop", (JAR,))
SHOP = Part(
    "shop",
    "shop/orders/**/*.proto",
    lambda path: path.parts[0] == "shop",
    (JAR, *(JARS / f"{name}.jar" for name in GRPC)),
    ("--grpc-java_out={generated}", "--plugin=protoc-gen-grpc-java=/usr/bin/grpc_java_plugin"),
    (*PARTNER.programs, "grpc_java_plugin"),
    f"{PARTNER.packages} {GRPC_PACKAGES}",
)


def classpath(part: Part = PARTNER) -> str:
    """Where the compiled classes of a part and what they need are."""
    return ":".join(map(str, (*part.jars, compiled(part))))


def command(main_class: str, *arguments: str, part: Part = PARTNER) -> list[str]:
    """The command line that runs a class."""
    return ["java", *OPTIONS, "-cp", classpath(part), main_class, *arguments]


def compiled(part: Part = PARTNER) -> Path:
    """The folder of a part's classes; compiled when what they are made of has changed."""
    missing = [name for name in part.programs if shutil.which(name) is None]
    missing += [str(jar) for jar in part.jars if not jar.exists()]
    assert not missing, f"{', '.join(missing)} missing: apt-get install {part.packages}"
    protos, sources = sorted(PROTO.glob(part.protos)), part.sources()
    digest = hashlib.sha256("\0".join(str(jar.resolve()) for jar in part.jars).encode())
    for path in [*protos, *sources]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    cache = CACHE / part.name
    target = cache / digest.hexdigest()[:16]
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _compile(part, protos, sources, target)
    return target


def _compile(part: Part, protos: list[Path], sources: list[Path], target: Path) -> None:
    for old in target.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    jars = ":".join(map(str, part.jars))
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        generated, classes = Path(made) / "generated", Path(made) / "classes"
        generated.mkdir()
        flags = [flag.format(generated=generated) for flag in part.flags]
        _run("protoc", f"-I{PROTO}", f"-I{WELL_KNOWN}", f"--java_out={generated}", *flags, *protos)
        javac = ("javac", "-encoding", "UTF-8", "-J-XX:TieredStopAtLevel=1", "-d", classes)
        _run(*javac, "-nowarn", "-cp", jars, *generated.rglob("*.java"))
        _run(*javac, "-Xlint:all,-path,-classfile", "-Werror", "-cp", f"{jars}:{classes}", *sources)
        os.rename(classes, target)


def _run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout}{done.stderr}"


if __name__ == "__main__":
    sys.stdout.write(f"{classpath()}\n")
