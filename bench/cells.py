"""A cell of the tables: something that is measured once a round. Figures compare cells; a cell may serve several."""

import asyncio
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench import reading, topics, trial
from bench.contestants import ALL, Contestant, Rollcall, Site
from bench.process import ContestantError
from bench.stage import Stage
from bench.trial import Measured, Phase, Running
from bench.watcher import Watcher

if TYPE_CHECKING:
    from pathlib import Path

_LOG = "log"


class Cell(ABC):
    """Measured once a round; the figures of all rounds have the same names."""

    def __init__(self, name: str, contestant: str, phases: Sequence[Phase]) -> None:
        self.name = name
        self.contestant: Contestant = ALL[contestant]
        self.phases = tuple(phases)

    @abstractmethod
    async def measure(self, stage: Stage) -> Measured:
        """The figures of one run. Raises ContestantError."""

    def changelog(self, running: Running) -> str:
        """The contestant's changelog. Raises ContestantError if it has none that is known."""
        topic = self.contestant.changelog(running.site.app_id)
        if topic is None:
            message = f"{self.contestant.name} has no changelog that is known"
            raise ContestantError(message)
        return topic


class Throughput(Cell):
    """A contestant over some phases, with what each added to its changelog."""

    def __init__(self, name: str, contestant: str, phases: Sequence[Phase], workers: int = 1) -> None:
        super().__init__(name, contestant, phases)
        self._workers = workers

    async def measure(self, stage: Stage) -> Measured:
        """Run it."""
        written = 0

        async def after_phase(running: Running, phase: Phase) -> None:
            nonlocal written
            topic = self.contestant.changelog(running.site.app_id)
            if topic is not None:
                now = topics.log_bytes(stage.broker_data, topic)
                running.measured[f"{phase.name}.changelog_bytes_per_content"] = (now - written) / phase.part.contents
                written = now

        return await trial.run(stage, self.contestant, self.phases, workers=self._workers, after_phase=after_phase)


class JoinOnly(Cell):
    """Rollcall without its hop: its log is filled as an earlier run's hop filled it, and its inputs are empty.

    What the whole job takes more than this is the hop.
    """

    def __init__(self, name: str, contestant: str, phases: Sequence[Phase]) -> None:
        super().__init__(name, contestant, phases)
        self._files: list[Path] = []
        self._ends: dict[int, int] = {}

    async def measure(self, stage: Stage) -> Measured:
        """Run it; the first time a run of the whole job is recorded before."""
        if not self._files:
            self._ends = dict.fromkeys(range(stage.partitions), 0)
            await trial.run(stage, self.contestant, self.phases, after_phase=self._record)
        await topics.make(stage.bootstrap, stage.partitions)
        app_id, home = stage.next_run()
        site = Site(stage.bootstrap, app_id, home, stage.partitions)
        try:
            async with Watcher(stage.bootstrap, stage.partitions) as watcher:
                running = Running(stage, self.contestant, site, [], watcher, {}, {})
                with trial.start(running) as process:
                    running.processes.append(process)
                    await trial.ready(process)
                    for number, (phase, file) in enumerate(zip(self.phases, self._files, strict=True)):
                        await trial.further(running, phase, number, file, {_LOG: self._log(app_id)})
                    process.stop()
        finally:
            shutil.rmtree(home, ignore_errors=True)
        await trial.judge(running)
        return running.measured

    def _log(self, app_id: str) -> str:
        if not isinstance(self.contestant, Rollcall):
            message = f"only Rollcall's log is known, not that of {self.contestant.name}"
            raise ContestantError(message)
        return self.contestant.log(app_id)

    async def _record(self, running: Running, phase: Phase) -> None:
        """Keep what the hop wrote during a phase."""
        stage, topic = running.stage, self._log(running.site.app_id)
        begin, end = self._ends, await reading.ends(stage.bootstrap, topic, stage.partitions)
        self._files.append(
            await asyncio.to_thread(
                stage.file,
                f"{self.name}/{phase}",
                lambda: reading.rows(stage.bootstrap, topic, begin, end, _LOG),
                "of the re-keyed log",
            )
        )
        self._ends = end


class Cells:
    """Cells by name: two figures that want the same one share it."""

    def __init__(self) -> None:
        self.by_name: dict[str, Cell] = {}

    def add(self, cell: Cell) -> str:
        """Keep a cell, unless there is one of that name; returns the name."""
        self.by_name.setdefault(cell.name, cell)
        return cell.name
