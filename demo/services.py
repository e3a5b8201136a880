"""The two services and their relays at work: they act out the plan."""

import asyncio
from pathlib import Path
from typing import Any

from demo.file_service import FileService
from demo.orchestrator import BatchOrchestrator
from demo.plan import REGISTRATION_RELAY_DELAY, UPLOAD_RELAY_DELAY, Plan
from demo.relay import Relay, kafka_producer
from demo.together import together


class Services:
    """A batch orchestrator and a file service, each with its own database and relay, in one directory."""

    def __init__(self, plan: Plan, directory: Path, bootstrap: str) -> None:
        self._plan = plan
        self._orchestrator = BatchOrchestrator(directory / "orchestrator.sqlite")
        self._file_service = FileService(directory / "file-service.sqlite")
        producers = kafka_producer(bootstrap)
        self._relays = (
            Relay(
                self._orchestrator.database,
                producers,
                delay=REGISTRATION_RELAY_DELAY,
                crash_at=plan.registration_crashes,
            ),
            Relay(self._file_service.database, producers, delay=UPLOAD_RELAY_DELAY, crash_at=plan.upload_crashes),
        )
        self._acted = False

    @property
    def done(self) -> bool:
        """Whether all of the plan has happened and every event is published and marked."""
        return self._acted and all(relay.drained for relay in self._relays)

    @property
    def relay_crashes(self) -> int:
        """How often a relay crashed between publishing and marking."""
        return sum(relay.crashes for relay in self._relays)

    async def run(self) -> None:
        """Act out the plan, relaying as it goes; runs until cancelled."""
        await together(*(relay.run() for relay in self._relays), self._act())

    async def _act(self) -> None:
        """Do what the teachers do, in order of time: register batches, upload files."""
        acts: list[tuple[float, Any, object]] = [
            (batch.at, self._orchestrator.register, batch) for batch in self._plan.batches
        ]
        acts += [
            (upload.at, self._file_service.upload, upload) for batch in self._plan.batches for upload in batch.uploads
        ]
        loop = asyncio.get_running_loop()
        start = loop.time()
        for at, act, handler in sorted(acts, key=lambda entry: entry[0]):
            await asyncio.sleep(max(0.0, start + at - loop.time()))
            act(handler)
        self._acted = True

    def close(self) -> None:
        """Close both databases."""
        self._orchestrator.database.close()
        self._file_service.database.close()
