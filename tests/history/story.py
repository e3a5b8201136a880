"""A run of events in which everything happens that can happen to a batch, and what is known of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from faust.cli.base import cli
from structlog.testing import capture_logs

import app
from app import commands
from app.core.acts import Act, Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.engine.kafka.clients import new_producer
from app.engine.kafka.partitioner import partition_for
from app.settings import Settings
from app.wire.acts import encode
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support import events
from tests.support.events import Json, Message, uid
from tests.support.forks import run_all
from tests.support.kafka_io import Reader
from tests.support.stage import Stage
from tests.support.worker import Worker

commands.register()

WHOLE, EARLY, SHORT, EXPIRED, CONFLICTED, BROKEN = "whole", "early", "short", "expired", "conflicted", "broken"
FORCED, DISCARDED, WAITING, GIVEN_UP = "forced/1", "discarded", "waiting", "given up"
BATCHES = (WHOLE, EARLY, SHORT, EXPIRED, CONFLICTED, FORCED, DISCARDED, WAITING, GIVEN_UP)

#: Reasons of the dead letters.
REASONS = ["malformed", "missing_field", "null_value", "registration_conflict", "upload_conflict"]


@dataclass
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


@dataclass
class Story:
    """A stage on which it has all happened."""

    stage: Stage
    worker: Worker
    outputs: Reader

    def settings(self, **changes: Any) -> Settings:
        """The worker's settings, with changes."""
        prefix = "ROLLCALL_"
        given = {name.removeprefix(prefix).lower(): value for name, value in self.worker.env.items() if prefix in name}
        return Settings.model_validate(given | changes)

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run a command in this process, with the worker's settings and changes to them."""
        changes = {name.removeprefix("ROLLCALL_").lower(): value for name, value in environment.items()}
        with pytest.MonkeyPatch.context() as patch, capture_logs():
            patch.setitem(vars(app), "app", SimpleNamespace(settings=self.settings(**changes)))
            done = CliRunner().invoke(cli, arguments)
        return Ran(done.exit_code, done.stdout, done.stderr)

    def run_all(self, *commands: Sequence[str]) -> list[Ran]:
        """Run commands as an operator does, each in a process of its own, all at once."""
        done = run_all(commands, self.worker.env)
        return [Ran(command.returncode, command.stdout, command.stderr) for command in done]

    def send(self, *steps: Sequence[Message | Json]) -> None:
        """Send the messages of a step together, and the next step once the worker has taken them."""
        for step in steps:
            self.stage.io.produce(
                [process if isinstance(process, Message) else events.message(process) for process in step]
            )
            self.stage.wait_taken()

    def act(self, batch: str, act: Act) -> None:
        """Write what an operator does into the log."""
        key, value, headers = encode(batch, act)
        self.write("rollcall-log", key, value, headers, partition_for(key, self.settings().partitions))

    def write(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[Any], partition: int | None = None
    ) -> None:
        """Write a record to any topic."""

        async def write() -> None:
            producer = new_producer(self.settings())
            await producer.start()
            try:
                await producer.send_and_wait(topic, value, key, partition=partition, headers=headers)
            finally:
                await producer.stop()

        self.stage.io.call(write())

    def changelog_keys(self) -> list[bytes]:
        """The keys of the changelog's rows."""
        reader = self.stage.io.reader(["rollcall-tables-changelog"], read_committed=True)
        reader.quiet(0.5)
        return [record.key for record in reader.records if record.key is not None]

    def wait(self, topic: str, batch: str, count: int = 1) -> None:
        """Wait until so many outputs of a topic are about a batch."""
        said = f'"batch_id":"{batch}"'.encode()

        def enough(records: list[OutputRecord]) -> bool:
            return sum(record.topic == topic and said in (record.value or b"") for record in records) >= count

        self.outputs.require(enough, f"{count} {topic} about {batch}")

    def settled(self) -> None:
        """Wait until the worker has committed the whole log, and the outputs have gone quiet."""
        self.stage.io.wait_taken("rollcall", ["rollcall-log"])
        self.outputs.quiet(0.5)


def identity(record: OutputRecord) -> object:
    """What repeats of an output have in common."""
    return (record.topic, record.headers if record.topic == topics.DEAD else record.header("event_id"))


def slots(batch: str, count: int) -> list[str]:
    """The slots of a batch."""
    return events.essay_ids(batch, count)


def registration(batch: str, count: int) -> Json:
    """The registration of a batch."""
    return events.registration(batch, slots(batch, count))


def content(batch: str, number: int, text: str | None = None) -> Json:
    """The content of an upload."""
    return events.content(batch, f"{batch}-u{number}", text or f"{batch}-t{number}", second=number)


def by(name: str) -> tuple[str, str, str]:
    """Who does it and why, under an id that follows from the name."""
    return uid("act", name), "Ada", f"because of {name}"


def tell(stage: Stage, worker: Worker) -> Story:
    """Let it all happen, and wait until it has."""
    story = Story(stage, worker, stage.reader())
    expiring = content(EXPIRED, 0)
    broken = Message(topics.CONTENT, b"u", events.encode({"event_type": topics.CONTENT, "data": {"batch_id": BROKEN}}))
    story.send(
        [expiring, registration(SHORT, 3), registration(WHOLE, 2), content(EARLY, 0), registration(CONFLICTED, 1),
         registration(WAITING, 2), registration(FORCED, 2), registration(DISCARDED, 2), content(GIVEN_UP, 0),
         Message(topics.CONTENT, b"a key", b"not JSON"), Message(topics.FAILED, b"another", None), broken],
    )  # fmt: skip
    story.act(GIVEN_UP, DiscardUpload(*by("given up"), f"{GIVEN_UP}-u0"))
    story.act(DISCARDED, Discard(*by("discarded")))
    story.act(WAITING, Extend(*by("waiting"), 3600))
    story.act(WAITING, Reopen(*by("refused"), ("another slot",)))
    story.send(
        [content(SHORT, 0), content(WHOLE, 0), events.failure(EARLY, f"{EARLY}-u1"), content(CONFLICTED, 0),
         content(WAITING, 0), content(FORCED, 0)],
        [content(SHORT, 1), content(WHOLE, 1), registration(EARLY, 2), registration(CONFLICTED, 2)],
        [events.redelivered(content(WHOLE, 1)), content(CONFLICTED, 0, "another text"), content(DISCARDED, 0)],
        [content(WHOLE, 2)],
    )  # fmt: skip
    story.act(FORCED, ForceComplete(*by("forced")))
    story.act(WHOLE, Reopen(*by("more"), (f"{WHOLE}.one-more",)))
    story.wait(topics.EXPIRED, EXPIRED)
    story.send([events.redelivered(expiring)], [registration(EXPIRED, 1)])
    story.wait(topics.TIMEOUT, SHORT)
    story.wait(topics.READY, EXPIRED)
    story.wait(topics.READY, WHOLE, 2)
    story.settled()
    return story
