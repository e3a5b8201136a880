"""A cell with the board open: what it costs a worker that somebody watches."""

import asyncio
import contextlib
from collections.abc import Sequence

import aiohttp

from bench import trial
from bench.cells import Cell
from bench.process import ContestantError
from bench.stage import Stage
from bench.trial import Measured, Phase, Running


class Watched(Cell):
    """Rollcall while a client does what the board does: one look at everything, then the stream of changes.

    The client sits in this process and reads without showing: what a browser does is not the worker's cost. It looks on
    from the end of the phase ``before`` to the end of the run.
    """

    def __init__(self, name: str, contestant: str, phases: Sequence[Phase], before: str) -> None:
        super().__init__(name, contestant, phases)
        self._before = before
        self._told = 0

    async def measure(self, stage: Stage) -> Measured:
        """Run it. Raises ContestantError, also if the board was told nothing."""
        async with contextlib.AsyncExitStack() as stack:

            async def after_phase(running: Running, phase: Phase) -> None:
                if phase.name == self._before:
                    looking = asyncio.create_task(self._look(running.processes[0].port))
                    stack.push_async_callback(_end, looking)

            self._told = 0
            measured = await trial.run(stage, self.contestant, self.phases, after_phase=after_phase)
        if not self._told:
            message = "the board was told nothing"
            raise ContestantError(message)
        measured["board.bytes"] = self._told
        return measured

    async def _look(self, port: int) -> None:
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", timeout=aiohttp.ClientTimeout(total=None)
        ) as session:
            for path in ("/api/overview", "/api/batches?limit=100"):
                async with session.get(path) as answer:
                    answer.raise_for_status()
                    await answer.read()
            # The worker is stopped while events are loaded, and the stream goes on afterwards.
            async with session.get("/api/events") as stream:
                stream.raise_for_status()
                async for piece in stream.content.iter_any():
                    self._told += len(piece)


async def _end(looking: asyncio.Task[None]) -> None:
    """End the look. Raises what went wrong with it; that the worker has ended first is in order."""
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
        await looking
