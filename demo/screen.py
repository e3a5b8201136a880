"""The board on the output: a live picture on a terminal, a line now and then elsewhere."""

import time
from typing import Self

from rich.console import Console
from rich.live import Live

from demo.board import Board
from demo.cells import ASCII, UNICODE
from demo.view import frame, progress_line

LINE_INTERVAL = 2.0
"""Seconds between two progress lines."""


class Screen:
    """Shows the board until the context ends; the last picture stays on the terminal."""

    def __init__(self, console: Console, board: Board) -> None:
        self._console = console
        self._board = board
        self._started_at = time.time()
        self._line_at = self._started_at
        self._glyphs = UNICODE if console.encoding.lower().startswith("utf") else ASCII
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        """Begin."""
        if self._live is not None:
            self._live.start()
        return self

    def draw(self) -> None:
        """Show the present state; to be called a few times a second."""
        now = time.time()
        if self._live is not None:
            size = (self._console.width, self._console.height - 1)
            picture = frame(self._board, started_at=self._started_at, now=now, size=size, glyphs=self._glyphs)
            self._live.update(picture, refresh=True)
        elif now >= self._line_at:
            self._line_at = now + LINE_INTERVAL
            self._line(now)

    def _line(self, now: float) -> None:
        self._console.print(
            progress_line(self._board, started_at=self._started_at, now=now), highlight=False, soft_wrap=True
        )

    def __exit__(self, *_: object) -> None:
        """Leave the last picture, or a last line."""
        if self._live is not None:
            self._live.stop()
        else:
            self._line(time.time())
