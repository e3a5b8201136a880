"""The broker's jars: pinned by `jars.lock`, fetched once per user, and checked each time before they are run."""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from demo.kafka.errors import JarMismatchError, KafkaError

LOCK_FILE = Path(__file__).with_name("jars.lock")

_CONNECTIONS = 4  # downloads at a time: 46 small files, so the round trips count more than the bytes
_ATTEMPTS = 3


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
            _fetch_all(
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


def _fetch_all(jars: Sequence[Jar], directory: Path, what: str) -> None:
    # A repository of its own, beside the final place (so that the move is a rename): jgo writes in place, and a file
    # that was cut off must not be taken for a jar. What an earlier run left behind is removed: the lock is ours.
    for leftover in directory.glob(".incoming-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=directory) as incoming:
        context = MavenContext(
            repo_cache=Path(incoming),
            # The user's own repositories (a mirror) count too: the sums say what is right, not where it came from.
            remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
            timeout=30,
        )
        _say(f"kafka: fetching {len(jars)} jars of {what}, once per user, into {directory}")
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            fetches = pool.map(lambda jar: _fetch(jar, context, directory), jars)
            for done, jar in enumerate(fetches, start=1):
                if done % 10 == 0 or done == len(jars):
                    _say(f"kafka: {done}/{len(jars)} jars fetched and checked ({jar.file_name})")


def _fetch(jar: Jar, context: MavenContext, directory: Path) -> Jar:
    group, artifact_id, version = jar.coordinate.split(":")
    artifact = context.project(group, artifact_id).at_version(version).artifact()
    problem: Exception | None = None
    for _ in range(_ATTEMPTS):
        try:
            fetched = Path(artifact.resolve())
        except (OSError, RuntimeError) as error:  # what jgo lets through: requests' errors are OSErrors
            problem = error
        else:
            actual = sha256_of(fetched)
            if actual == jar.sha256:
                fetched.replace(directory / jar.file_name)
                return jar
            problem = JarMismatchError(jar=jar.file_name, expected=jar.sha256, actual=actual, path=None)
        Path(context.repo_cache, artifact.component.path_prefix, artifact.filename).unlink(missing_ok=True)
    if isinstance(problem, JarMismatchError):
        raise problem
    msg = (
        f"{jar.file_name} could not be fetched in {_ATTEMPTS} attempts: {problem}. "
        "The first start of the embedded Kafka needs a network connection to a Maven repository; later ones don't."
    )
    raise KafkaError(msg) from problem


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
