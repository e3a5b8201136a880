"""The live view: a table of batches, the counters, the ticker and the legend, from 80 columns up.

`frame` is pure: the same board, moment and size give the same picture.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from app.printable import visible
from demo.board import BatchView, Board
from demo.cells import (
    STYLES,
    Glyphs,
    excess_cell,
    hangs,
    legend,
    old_cell,
    pending_cell,
    slots_cell,
    state_cell,
)

WIDE = 118
"""Columns from which the old rule's losses are spelt out and the strips are longer."""
_FIXED_LINES = 8
"""Lines besides batches and ticker: title, 3 of counters, head, "more", a rule, the legend."""
_BATCH_SHARE = 0.65
"""Share of the free lines that goes to batches; the rest is the ticker's."""
_SMALLEST = 3


def frame(board: Board, *, started_at: float, now: float, size: tuple[int, int], glyphs: Glyphs) -> RenderableType:
    """Draw the board for a terminal of `size` (columns, lines), at most that many lines high."""
    columns, lines = size
    free = max(2 * _SMALLEST, lines - _FIXED_LINES)
    shown = interesting(board, now, max(_SMALLEST, min(len(board.batches), round(free * _BATCH_SHARE))))
    ticker = max(1, min(12, free - max(len(shown), 1)))
    parts: list[RenderableType] = [
        Rule(Text(f"Rollcall demo   {now - started_at:5.1f} s", style="bold"), style=STYLES["dim"]),
        *counters(board, now),
        _table(shown, now, columns, glyphs),
        _more(board, shown),
        *_ticker(board, started_at, ticker),
        Rule(style=STYLES["dim"]),
        legend(glyphs),
    ]
    return Group(*parts)


def interesting(board: Board, now: float, limit: int) -> list[BatchView]:
    """Choose up to `limit` batches, in motion before hung under the old rule before done; in order of appearance."""

    def rank(batch: BatchView) -> tuple[int, float]:
        if batch.complete_at is None:
            return (0, -batch.changed_at)
        return (1 if hangs(batch, now) else 2, -batch.changed_at)

    chosen = {batch.batch_id for batch in sorted(board.batches.values(), key=rank)[:limit]}
    return [batch for batch in board.batches.values() if batch.batch_id in chosen]


def counters(board: Board, now: float) -> list[Text]:
    """Return three lines of figures: what came in, what Rollcall made of it, what the old rule did."""
    batches = board.batches.values()
    slots = sum(len(batch.slots) for batch in batches)
    registered = sum(batch.registered_at is not None for batch in batches)
    complete = [batch for batch in batches if batch.complete_at is not None]
    published = (
        f"{registered} registrations, {sum(len(batch.contents) for batch in batches)} contents, "
        f"{sum(len(batch.failures) for batch in batches)} failures, {board.redeliveries} repeats"
    )
    rollcall = (
        f"{len(complete)} complete, {sum(batch.pending for batch in batches)} pending, "
        f"{sum(len(batch.filled) for batch in batches)} of {slots} slots filled, "
        f"{sum(len(batch.excess) for batch in batches)} excess"
    ) + (f", {board.dead_letters} dead letters" if board.dead_letters else "")
    old = (
        f"{sum(batch.old.complete for batch in batches)} complete, "
        f"{sum(hangs(batch, now) for batch in batches)} waiting for ever, "
        f"{sum(len(batch.old.dropped) for batch in batches)} contents dropped"
    )
    return [
        Text.assemble((f"{name:<10}", STYLES["dim"]), figures, no_wrap=True, overflow="ellipsis")
        for name, figures in (("published", published), ("rollcall", rollcall), ("old rule", old))
    ]


def progress_line(board: Board, *, started_at: float, now: float) -> str:
    """Return one line for an output that is no terminal."""
    batches = board.batches.values()
    return (
        f"{now - started_at:5.1f} s  {len(batches)} batches seen, {sum(batch.pending for batch in batches)} pending, "
        f"{sum(len(batch.filled) for batch in batches)} slots filled, "
        f"{sum(batch.complete_at is not None for batch in batches)} complete; "
        f"old rule: {sum(batch.old.complete for batch in batches)} complete, "
        f"{sum(hangs(batch, now) for batch in batches)} waiting for ever"
    )


def _table(shown: Sequence[BatchView], now: float, columns: int, glyphs: Glyphs) -> Table:
    wide = columns >= WIDE
    # Beside these three: batch 9, excess 3, state 8, and a blank after each of the 6 columns: 26.
    # 26 + 24 + 8 + 20 = 78 of 80 columns, and 26 + 38 + 12 + 42 = 118 of WIDE.
    slots, pending, old = (38, 12, 42) if wide else (24, 8, 20)
    table = Table(box=None, padding=(0, 1, 0, 0), expand=False, header_style="bold")
    table.add_column("batch", width=9, no_wrap=True)
    table.add_column("slots", width=slots, no_wrap=True)
    table.add_column("pending", width=pending, no_wrap=True)
    table.add_column("", width=3, no_wrap=True)
    table.add_column("state", width=8, no_wrap=True)
    table.add_column("old rule", width=old, no_wrap=True, header_style=STYLES["dim"])
    for batch in shown:
        table.add_row(
            Text(visible(batch.batch_id)),
            slots_cell(batch, slots, glyphs),
            pending_cell(batch, pending, glyphs),
            excess_cell(batch),
            state_cell(batch),
            old_cell(batch, now, wide=wide),
        )
    return table


def _more(board: Board, shown: Sequence[BatchView]) -> Text:
    names = {batch.batch_id for batch in shown}
    hidden = [batch for batch in board.batches.values() if batch.batch_id not in names]
    if not hidden:
        return Text("")
    complete = sum(batch.complete_at is not None for batch in hidden)
    return Text(f"and {len(hidden)} more, {complete} of them complete", style=STYLES["dim"])


def _ticker(board: Board, started_at: float, lines: int) -> list[Text]:
    newest = list(board.ticker)[-lines:]
    return [
        Text.assemble(
            (f"{max(0.0, line.at - started_at):5.1f} s  ", STYLES["dim"]),
            f"{visible(line.batch_id):<10}",
            (visible(line.text), STYLES[line.style]),
            no_wrap=True,
            overflow="ellipsis",
        )
        for line in newest
    ] + [Text("")] * (lines - len(newest))
