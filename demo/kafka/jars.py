"""The broker's jars: pinned by `jars.lock`, fetched once per user, and checked each time before they are run."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.kafka.errors import JarMismatchError, KafkaError

LOCK_FILE = Path(__file__).with_name("jars.lock")


@dataclass(frozen=True)
class Jar:
    """One pinned jar: its Maven coordinate `group:artifact:version`, and the SHA-256 of its content in hexadecimal."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name under which a Maven repository keeps it."""
        _group, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Return the pinned jars in the order of the class path. A line is `sha256  file name  group:artifact:version`.

    Raises:
        KafkaError: a line is not of that form.

    """
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match line.split():
            case [sha256, file_name, coordinate] if coordinate.count(":") == 2:  # noqa: PLR2004 - group:artifact:version
                jar = Jar(coordinate=coordinate, sha256=sha256)
                if jar.file_name == file_name:
                    jars.append(jar)
                    continue
        msg = f"{path}: not a line of a jar lock file: {line!r}"
        raise KafkaError(msg)
    return jars


def cache_dir() -> Path:
    """Where the jars are kept for this user: `$XDG_CACHE_HOME/rollcall/kafka`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall" / "kafka"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def class_path(*, cache: Path | None = None, lock: Path = LOCK_FILE) -> list[Path]:
    """Return the paths of all pinned jars, each checked to have its pinned content; missing ones are fetched first.

    Two processes may call it at once: one fetches, the other waits for it. A fetch that is broken off leaves nothing
    in the cache that a later one would take for a jar. Progress is told on standard error.

    Raises:
        JarMismatchError: a jar in the cache, or as fetched, is not the pinned one.
        KafkaError: a jar could not be fetched.

    """
    directory = cache or cache_dir()
    jars = read_lock(lock)
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory / ".lock"):
        missing = [jar for jar in jars if not (directory / jar.file_name).exists()]
        if missing:
            # On first use: what fetches takes longer to import than a broker to be launched.
            from demo.kafka.fetching import fetch_all  # noqa: PLC0415 - see above

            fetch_all(
                missing,
                directory,
                "Apache Kafka (45 MB in all)" if lock == LOCK_FILE else f"{lock.parent.name}/{lock.name}",
            )
    paths = [directory / jar.file_name for jar in jars]
    for jar, path in zip(jars, paths, strict=True):
        actual = sha256_of(path)
        if actual != jar.sha256:
            raise JarMismatchError(jar=jar.file_name, expected=jar.sha256, actual=actual, path=path)
    return paths


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the kernel gives up with the process, so that no crash leaves it taken."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
