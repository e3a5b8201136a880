"""Fetches pinned jars from the user's Maven repositories, each checked before it is kept: see `jars`."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from demo.kafka.errors import JarMismatchError, KafkaError
from demo.kafka.jars import Jar, sha256_of

_CONNECTIONS = 4  # downloads at a time: 46 small files, so the round trips count more than the bytes
_ATTEMPTS = 3


def fetch_all(jars: Sequence[Jar], directory: Path, what: str) -> None:
    """Fetch jars of ``what`` into a directory, whose lock is held. Progress is told on standard error.

    Raises:
        JarMismatchError: one is not the pinned one.
        KafkaError: one could not be fetched.

    """
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
