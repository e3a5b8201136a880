"""What the engine's tests share: bugs put into a worker process, its log, its sockets, topics with own settings."""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.contract.notation import messages, parse
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support.events import Json, Message
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE
from tests.support.worker import ROOT, Worker

ESCAPES = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")  # Faust hides and shows the cursor around its spinner
# What libraries say of tasks and connections that are not ended in order.
NOISE = re.compile(r"Traceback|Unclosed|was destroyed but it is pending|never retrieved|never awaited")
ACQUIRED = "partitions acquired"
LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp
LOOPBACK = "0100007F"  # 127.0.0.1 as the kernel writes it: little-endian

# Runs inside a worker before anything else. Not in its launcher, nor in other Python processes that inherit PYTHONPATH.
GUARD = """\
import sys
if "worker" in sys.orig_argv and "-c" not in sys.orig_argv:
    import {module}
    {module}.install()
"""


def bug(home: Path, source: str, *, early: bool = False) -> dict[str, str]:
    """Environment of a worker that runs `install()` of `source` at its start.

    A forked one has imported the project by then, so what is patched must be looked up where it is used. `early`: it is
    begun from nothing, and no code of the project has run before.
    """
    folder = home / "bug"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(GUARD.format(module="planted_bug"))
    (folder / "planted_bug.py").write_text(source)
    if early:
        (folder / "early").touch()
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


def log_lines(worker: Worker) -> list[Json]:
    """The lines of a worker's log that are JSON objects."""
    text = ESCAPES.sub("", worker.log.read_text("utf-8", "replace"))
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def plain_log(worker: Worker) -> str:
    """The log of a worker as text."""
    return ESCAPES.sub("", worker.log.read_text("utf-8", "replace"))


def until(true: Callable[[], Any], what: str, within: float = PATIENCE, every: float = 0.1) -> Any:
    """Wait until something is true and return it. Raises AssertionError that says `what` did not become true."""
    deadline = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what}: not within {within} s"
        time.sleep(every)
    return found


def acquired(worker: Worker, within: float = PATIENCE) -> None:
    """Wait until a worker says that it has its partitions; for one without HTTP."""
    until(lambda: worker.log.exists() and ACQUIRED in worker.log.read_text(), f"{worker.home.name} acquired", within)


def flat(notation: str, batch: str) -> list[Message]:
    """The messages of a sequence."""
    return [message for step in messages(parse(notation), batch) for message in step]


def envelopes(records: Iterable[OutputRecord], topic: str, batch: str = "") -> list[Json]:
    """The data of the events on an output topic, of one batch or of all."""
    found = [record.data for record in records if record.topic == topic]
    return [data for data in found if not batch or data["batch_id"] == batch]


def dead(records: Iterable[OutputRecord], reason: str) -> list[OutputRecord]:
    """The dead letters of one reason."""
    return [record for record in records if record.topic == topics.DEAD and record.header("rollcall.reason") == reason]


def metric(worker: Worker, name: str) -> float:
    """The sum of a metric over all its labels."""
    _, text = worker.get("/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def create(io: KafkaIO, name: str, partitions: int, config: Mapping[str, str]) -> None:
    """Create a topic with settings of its own."""
    answer = io.call(io._admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config))]))
    assert [code for _, code, *_ in answer.topic_errors] == [0], answer


def alter(io: KafkaIO, name: str, config: Mapping[str, str], of: ConfigResourceType = ConfigResourceType.TOPIC) -> None:
    """Give an existing topic, or a broker, settings of its own; those that are not named fall back to the default."""
    answers = io.call(io._admin.alter_configs([ConfigResource(of, name, dict(config))]))
    assert all(entry[0] == 0 for answer in answers for entry in answer.resources), answers


def described(io: KafkaIO, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings of topics, and their number of partitions as `partitions`."""
    names = list(names)
    found: dict[str, dict[str, str]] = {}
    for message in io.call(io._admin.describe_topics(names)):
        found[message["topic"]] = {"partitions": str(len(message["partitions"]))}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for response in io.call(io._admin.describe_configs(resources)):
        for entry in response.resources:
            found[entry[3]] |= {item[0]: item[1] for item in entry[4]}
    return found


def listening(worker: Worker) -> dict[int, str]:
    """The TCP ports that a worker listens on, each with its address as the kernel writes it."""
    assert worker.process is not None
    inodes = set()
    for link in Path(f"/proc/{worker.process.pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except OSError:  # closed meanwhile
            continue
        if match:
            inodes.add(match[1])
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                address, port = fields[1].split(":")
                found[int(port, 16)] = address
    return found
