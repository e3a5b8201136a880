"""One of the demo's two services with its relay, for as long as it is left to run: ``python -m demo.serve SERVICE``.

Both act out the same story, one plan a round, without a word to each other: rounds begin at the same moments of the
clock, and the number of a round is the seed of its plan. So each may be started, stopped and started again by itself:
a service goes on where it stopped, and catches up (`demo.rounds`). While the broker is away it goes on working, and
its outbox waits.
"""

from demo.alive import ALIVE, DIRECTORY, NAMES, end_on_sigterm, healthy

if __name__ == "__main__":
    end_on_sigterm()  # before the imports that follow, which take a while

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from aiokafka.errors import KafkaError

from demo.events import INPUTS
from demo.file_service import FileService
from demo.orchestrator import BatchOrchestrator
from demo.outbox import ServiceDatabase
from demo.plan import REGISTRATION_RELAY_DELAY, UPLOAD_RELAY_DELAY, PlannedBatch, PlannedUpload, make_plan
from demo.relay import Relay, kafka_producer
from demo.rounds import SCHEMA, Rounds
from demo.together import together
from demo.topics import create_topics

Name = Literal["orchestrator", "file-service"]

_BEAT = 2.0
"""Seconds between two touches of the file that says that the service is alive."""
AWAY_SECONDS = 2.0
"""Until a broker that could not be reached is tried again."""


class Service:
    """A service of the demo: its database in a folder of ``directory``, its acts, its relay to ``bootstrap``."""

    def __init__(self, name: Name, directory: Path, bootstrap: str) -> None:
        self._name, self._bootstrap = name, bootstrap
        self._directory = directory
        self._folder = directory / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._orchestrator: BatchOrchestrator | None = None
        self._file_service: FileService | None = None
        if name == "orchestrator":
            self._orchestrator = BatchOrchestrator(self._folder / "orchestrator.sqlite")
            self._database, delay = self._orchestrator.database, REGISTRATION_RELAY_DELAY
        else:
            self._file_service = FileService(self._folder / "file-service.sqlite")
            self._database, delay = self._file_service.database, UPLOAD_RELAY_DELAY
        self._database.create(SCHEMA)
        self._relay = Relay(self._database, kafka_producer(bootstrap), delay=delay)

    @property
    def database(self) -> ServiceDatabase:
        """The service's database."""
        return self._database

    async def run(self, batches: int, essays: int, every: float) -> None:
        """Act out a round of ``batches`` batches every ``every`` seconds, relaying as it goes; until cancelled."""
        try:
            await together(self._publish(), self._beat(), self._rounds(batches, essays, every))
        finally:
            self._database.close()

    async def _beat(self) -> None:
        while True:
            (self._folder / ALIVE).touch()
            await asyncio.sleep(_BEAT)

    async def _publish(self) -> None:
        """Relay the outbox, for as long as it takes: a broker that is away is told of once, and tried again."""
        reported = ""
        while True:
            try:
                await create_topics(self._bootstrap, INPUTS)
                reported = ""
                await self._relay.run()
            except (KafkaError, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
                if reason != reported:
                    waiting = self._database.unpublished()
                    say(
                        f"{self._name}: can't publish to {self._bootstrap} ({reason}); {waiting} events wait, trying on"
                    )
                reported = reason
                await asyncio.sleep(AWAY_SECONDS)

    async def _rounds(self, batches: int, essays: int, every: float) -> None:
        rounds = Rounds(self._database, self._directory, every)
        number = rounds.first(time.time())
        while True:
            for at, act in self.acts(number, batches, essays):
                await asyncio.sleep(max(0.0, number * every + at - time.time()))
                self._do(act)
            rounds.finish(number, time.time())
            service = self._orchestrator or self._file_service
            if service:
                service.forget()
            number += 1

    def acts(self, number: int, batches: int, essays: int) -> list[tuple[float, PlannedBatch | PlannedUpload]]:
        """What the service does in a round, each with its second, in order."""
        acts: list[tuple[float, PlannedBatch | PlannedUpload]] = []
        for batch in story(number, batches, essays):
            acts += [(batch.at, batch)] if self._orchestrator else [(upload.at, upload) for upload in batch.uploads]
        return sorted(acts, key=lambda act: act[0])

    def _do(self, act: PlannedBatch | PlannedUpload) -> None:
        """Do it, unless it was done before a restart."""
        if isinstance(act, PlannedBatch):
            if self._orchestrator and not self._orchestrator.knows(act.batch_id):
                self._orchestrator.register(act)
        elif self._file_service and not self._file_service.knows(act.file_upload_id):
            self._file_service.upload(act)


def story(number: int, batches: int, essays: int) -> Iterator[PlannedBatch]:
    """The batches of a round. Their ids hold its number, so that no round says something about another one's batch."""
    for batch in make_plan(number, batches, essays).batches:
        batch_id = f"r{number}-{batch.batch_id}"
        uploads = tuple(replace(upload, batch_id=batch_id) for upload in batch.uploads)
        yield replace(batch, batch_id=batch_id, uploads=uploads)


def say(line: str) -> None:
    """Tell something on standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


async def _serve(options: argparse.Namespace) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats at every try what is told here once
    service = Service(options.service, options.directory, options.broker)
    run = asyncio.ensure_future(service.run(options.batches, options.essays, options.every))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.cancel)
    with suppress(asyncio.CancelledError):
        await run


def main(argv: Sequence[str] | None = None) -> int:
    """Run a service until SIGTERM, or with ``--check`` say whether one runs; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description="One of the demo's services, endlessly.")
    parser.add_argument("service", choices=NAMES)
    parser.add_argument("--broker", default=os.environ.get("ROLLCALL_BROKER", "127.0.0.1:9092"), metavar="HOST:PORT")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, metavar="PATH")
    parser.add_argument("--batches", type=int, default=12, metavar="N", help="batches a round (default: 12)")
    parser.add_argument("--essays", type=int, default=6, metavar="N", help="slots a batch (default: 6)")
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="between two rounds (default: 30)")
    parser.add_argument("--check", action="store_true", help="exit 0 if the service runs, else 1")
    options = parser.parse_args(argv)
    if options.check:
        return 0 if healthy(options.directory / options.service) else 1
    asyncio.run(_serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
