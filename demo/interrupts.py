"""Ctrl-C, SIGTERM and SIGHUP as one orderly end."""

import asyncio
import signal
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While this context is open, the first signal ends the program in order and further ones change nothing.

    The first raises KeyboardInterrupt in the main thread, or cancels the task that is attached. The end is bounded in
    time, so a second, impatient Ctrl-C must not tear it. `status` is 128 + the signal's number, the shells' custom.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over."""
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def attach(self) -> None:
        """Aim the next signal at the running task: it is cancelled instead of a KeyboardInterrupt."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()

    def detach(self) -> None:
        """Undo `attach`."""
        self._loop = self._task = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.status is not None:
            return
        self.status = 128 + number
        if self._loop is None or self._task is None:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._task.cancel)
