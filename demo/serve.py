"""One of the demo's two services with its relay, for as long as it is left to run: ``python -m demo.serve SERVICE``.

Both act out the same story, one plan a round, without a word to each other: rounds begin at the same moments of the
clock, and the number of a round is the seed of its plan. So each may be started, stopped and started again by itself;
a service takes up the story with the next round that begins.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from demo.events import INPUTS
from demo.file_service import FileService
from demo.orchestrator import BatchOrchestrator
from demo.outbox import ServiceDatabase
from demo.plan import REGISTRATION_RELAY_DELAY, UPLOAD_RELAY_DELAY, PlannedBatch, PlannedUpload, make_plan
from demo.relay import Relay, kafka_producer
from demo.topics import create_topics

Name = Literal["orchestrator", "file-service"]
NAMES: tuple[Name, ...] = ("orchestrator", "file-service")

ALIVE = "alive"
"""The file that a running service touches, in its directory."""
_BEAT = 2.0
"""Seconds between two touches."""
HEALTHY = 10.0
"""Seconds for which a touch is good: five beats."""


class Service:
    """A service of the demo: its database in ``directory``, its acts, its relay to ``bootstrap``."""

    def __init__(self, name: Name, directory: Path, bootstrap: str) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._orchestrator: BatchOrchestrator | None = None
        self._file_service: FileService | None = None
        if name == "orchestrator":
            self._orchestrator = BatchOrchestrator(directory / "orchestrator.sqlite")
            self._database, delay = self._orchestrator.database, REGISTRATION_RELAY_DELAY
        else:
            self._file_service = FileService(directory / "file-service.sqlite")
            self._database, delay = self._file_service.database, UPLOAD_RELAY_DELAY
        self._relay = Relay(self._database, kafka_producer(bootstrap), delay=delay)

    @property
    def database(self) -> ServiceDatabase:
        """The service's database."""
        return self._database

    async def run(self, batches: int, essays: int, every: float) -> None:
        """Act out a round of ``batches`` batches every ``every`` seconds, relaying as it goes; until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._relay.run())
                group.create_task(self._beat())
                group.create_task(self._rounds(batches, essays, every))
        finally:
            self._database.close()

    async def _beat(self) -> None:
        while True:
            (self._directory / ALIVE).touch()
            await asyncio.sleep(_BEAT)

    async def _rounds(self, batches: int, essays: int, every: float) -> None:
        number = int(time.time() // every) + 1
        while True:
            for at, act in self.acts(number, batches, essays):
                await asyncio.sleep(max(0.0, number * every + at - time.time()))
                self._do(act)
            number += 1

    def acts(self, number: int, batches: int, essays: int) -> list[tuple[float, PlannedBatch | PlannedUpload]]:
        """What the service does in a round, each with its second, in order."""
        acts: list[tuple[float, PlannedBatch | PlannedUpload]] = []
        for batch in story(number, batches, essays):
            acts += [(batch.at, batch)] if self._orchestrator else [(upload.at, upload) for upload in batch.uploads]
        return sorted(acts, key=lambda act: act[0])

    def _do(self, act: PlannedBatch | PlannedUpload) -> None:
        if isinstance(act, PlannedBatch):
            if self._orchestrator:
                self._orchestrator.register(act)
        elif self._file_service:
            self._file_service.upload(act)


def story(number: int, batches: int, essays: int) -> Iterator[PlannedBatch]:
    """The batches of a round. Their ids hold its number, so that no round says something about another one's batch."""
    for batch in make_plan(number, batches, essays).batches:
        batch_id = f"r{number}-{batch.batch_id}"
        uploads = tuple(replace(upload, batch_id=batch_id) for upload in batch.uploads)
        yield replace(batch, batch_id=batch_id, uploads=uploads)


def healthy(directory: Path) -> bool:
    """Whether a service has touched its file in the last ten seconds."""
    with suppress(FileNotFoundError):
        return time.time() - (directory / ALIVE).stat().st_mtime < HEALTHY
    return False


async def _serve(options: argparse.Namespace) -> None:
    await create_topics(options.broker, INPUTS)
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
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()) / "rollcall-demo", metavar="PATH")
    parser.add_argument("--batches", type=int, default=12, metavar="N", help="batches a round (default: 12)")
    parser.add_argument("--essays", type=int, default=6, metavar="N", help="slots a batch (default: 6)")
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="between two rounds (default: 30)")
    parser.add_argument("--check", action="store_true", help="exit 0 if the service runs, else 1")
    options = parser.parse_args(argv)
    if options.check:
        return 0 if healthy(options.directory) else 1
    asyncio.run(_serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
