"""The end of the demo: what happened, in a table, and what was wrong, if anything."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from demo.board import Board
from demo.cells import STYLES
from demo.check import Verdict

PROBLEMS_SHOWN = 5
"""Problems listed of one batch; one mistake often shows in several places."""


def summary(board: Board, verdicts: Sequence[Verdict], *, relay_crashes: int) -> Table:
    """Return the table of figures, all of them from Kafka but `relay_crashes`."""
    batches = list(board.batches.values())
    hung = [batch for batch in batches if not batch.old.complete]
    wrong = sum(bool(verdict.problems) for verdict in verdicts)
    latencies = [batch.latency for batch in batches if batch.latency is not None]
    rejected = sum(batch.rejected_at is not None for batch in batches)
    table = Table(box=SIMPLE_HEAD, title="Summary", title_style="bold", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style=STYLES["dim"])

    def row(name: str, value: object, note: str = "", style: str = "") -> None:
        table.add_row(name, Text(str(value), style=style), note)

    row("batches", len(batches))
    row(
        "complete under Rollcall",
        sum(batch.complete_at is not None for batch in batches),
        f"{rejected} of them without one valid text" if rejected else "",
        STYLES["ready"],
    )
    row("complete under the old rule", len(batches) - len(hung))
    row("hung under the old rule", len(hung), style=STYLES["hang"] if hung else "")
    why = Counter(_why(batch.reasons_for_hanging()) for batch in hung)
    for reason, number in why.most_common():
        table.add_row("", Text(str(number), style=STYLES["dim"]), reason)
    early = [(text, batch) for batch in batches for text in batch.early if text in batch.contents]
    kept = sum(text in batch.excess or text in batch.filled.values() for text, batch in early)
    row("texts that arrived early", len(early), f"{kept} of them kept")
    row("failed uploads", sum(len(batch.failures) for batch in batches), "a slot each, while one is free")
    row("excess", sum(len(batch.excess) for batch in batches), "texts for which no slot was left")
    row("redeliveries", board.redeliveries, f"{relay_crashes} relay crashes before marking")
    row("repeated answers", board.repeated_answers, "with the event id of the first")
    if latencies:
        row(
            "last needed event to ready",
            f"{median(latencies) * 1000:.0f} ms",
            f"median; the slowest {max(latencies) * 1000:.0f} ms",
        )
    right = len(verdicts) - wrong
    row("outcomes right", f"{right} of {len(verdicts)}", "against the plan", STYLES["hang" if wrong else "ready"])
    return table


def _why(reasons: Sequence[str]) -> str:
    return "both" if len(reasons) > 1 else "".join(reasons) or "not known"


def problem_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Name every wrong batch, with its first problems."""
    lines = []
    for verdict in verdicts:
        if verdict.problems:
            lines.append(f"wrong: {verdict.batch_id}")
            lines += [f"  - {problem}" for problem in verdict.problems[:PROBLEMS_SHOWN]]
            hidden = len(verdict.problems) - PROBLEMS_SHOWN
            lines += [f"  - and {hidden} more"] if hidden > 0 else []
    return lines
