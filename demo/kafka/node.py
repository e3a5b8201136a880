"""A node's directory: its ids, the metadata of an empty one, and what its log says when it did not start."""

import base64
import contextlib
import shutil
import subprocess
import tempfile
import uuid
from hashlib import sha256
from pathlib import Path
from typing import IO

from demo.kafka.errors import KafkaStartError
from demo.kafka.jars import LOCK_FILE, cache_dir
from demo.kafka.properties import render

_CHECKPOINT = "bootstrap.checkpoint"
_TAIL_LINES = 25


def new_cluster_id() -> str:
    """A cluster id as Kafka writes them: a random UUID in URL-safe Base64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def is_formatted(data_dir: Path) -> bool:
    """Whether a node was ever started in a directory."""
    return (data_dir / "log" / "meta.properties").exists()


def format_node(command: list[str], data_dir: Path, log: IO[bytes], cluster_id: str, node_id: str) -> None:
    """Write the metadata of an empty node, as Kafka requires before a first start.

    ``command`` is Java with the class path and ``server.properties`` is in the directory; what the tool says goes to
    ``log``. Kafka's own tool does it, in a Java of its own, which costs a second. What it writes is the same for every
    node but for the ids, so it is asked once, and the rest is kept beside the jars. Raises KafkaStartError.
    """
    home, kept = data_dir / "log", checkpoint_file()
    if kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, home / _CHECKPOINT)
        ids = {"cluster.id": cluster_id, "directory.id": new_cluster_id(), "node.id": node_id}
        (home / "meta.properties").write_text(render({**ids, "version": "1"}), encoding="utf-8")
        return
    tool = [*command, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", "server.properties"]
    done = subprocess.run(tool, cwd=data_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)  # noqa: S603 - the Java that the caller found
    if done.returncode != 0:
        raise start_error(data_dir, "its data directory could not be formatted")
    with contextlib.suppress(OSError):  # a cache that can't be written to costs the next node a second
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".", delete=False) as scratch:
            scratch.write((home / _CHECKPOINT).read_bytes())
        Path(scratch.name).rename(kept)  # at once: no other process finds half of it


def checkpoint_file() -> Path:
    """Where the metadata of an empty node is kept: beside the jars, named after them."""
    return cache_dir() / f"{sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]}.checkpoint"


def start_error(data_dir: Path, reason: str) -> KafkaStartError:
    """The error of a node that did not start: why, and the end of its log."""
    log = data_dir / "broker.log"
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    lines = "\n".join(f"  {line}" for line in tail) or "  (it logged nothing)"
    return KafkaStartError(f"Kafka did not start: {reason}. The end of {log}:\n{lines}")
