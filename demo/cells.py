"""The drawing of one batch: its slots as a strip of glyphs, its pending uploads, its state, and the old rule's side."""

from dataclasses import dataclass

from rich.text import Text

from demo.board import BatchView

STYLES = {
    "registered": "bold",
    "early": "yellow",
    "direct": "green",
    "reconciled": "cyan",
    "ready": "bold green",
    "failed": "red",
    "free": "bright_black",
    "excess": "magenta",
    "repeat": "blue",
    "old": "bright_black",
    "hang": "bold red",
    "bad": "bold white on red",
    "dim": "bright_black",
}
"""What each meaning looks like; the ticker uses the same names."""

HANG_AFTER = 2.0
"""Seconds after Rollcall's completion from which an old rule that still waits is said to wait for ever: by then it has
read every message that the completion was made of."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of the strip."""

    direct: str
    reconciled: str
    failed: str
    free: str
    pending: str


UNICODE = Glyphs(direct="■", reconciled="◆", failed="✗", free="·", pending="●")
ASCII = Glyphs(direct="#", reconciled="*", failed="x", free=".", pending="o")


def slots_cell(batch: BatchView, width: int, glyphs: Glyphs) -> Text:
    """Draw the slots: texts from the front, failures from the back; a strip too long for `width` is scaled down.

    The slot of a failure is known for certain with the errors event, at completion; until then failures are drawn where
    they are counted, at the back.
    """
    if not batch.slots:
        return Text("no registration yet", style=STYLES["dim"], no_wrap=True, overflow="ellipsis")
    last = len(batch.slots) - 1
    counted = {batch.slots[last - back] for back in range(min(len(batch.failures), len(batch.slots)))}
    failed = batch.failed if batch.complete_at is not None else counted
    marks = [_slot_mark(batch, essay, failed) for essay in batch.slots]
    strip = Text(no_wrap=True)
    tail = "" if len(marks) <= width else f" {len(batch.filled)}/{len(batch.slots)}"
    room = width - len(tail)
    for column in range(min(room, len(marks))):
        mark = marks[column if not tail else column * len(marks) // room]
        strip.append(getattr(glyphs, mark), style=STYLES[mark])
    return strip.append(tail)


def _slot_mark(batch: BatchView, essay: str, failed: set[str]) -> str:
    text = batch.filled.get(essay)
    if text is not None:
        return "reconciled" if text in batch.early else "direct"
    return "failed" if essay in failed else "free"


def pending_cell(batch: BatchView, width: int, glyphs: Glyphs) -> Text:
    """Draw the uploads that wait for their registration."""
    dots = glyphs.pending * batch.pending if batch.pending <= width else f"{glyphs.pending} {batch.pending}"
    return Text(dots, style=STYLES["early"], no_wrap=True)


def excess_cell(batch: BatchView) -> Text:
    """Show how many texts found no slot."""
    return Text(f"+{len(batch.excess)}" if batch.excess else "", style=STYLES["excess"])


def state_cell(batch: BatchView) -> Text:
    """Show the state in a word."""
    word, style = {
        "unregistered": ("pending", "early"),
        "open": ("open", "registered"),
        "ready": ("READY", "ready"),
        "rejected": ("no texts", "failed"),
    }[batch.state]
    return Text(word, style=STYLES[style])


def hangs(batch: BatchView, now: float) -> bool:
    """Whether the old rule still waits for a batch that has all it needs."""
    return not batch.old.complete and batch.complete_at is not None and now - batch.complete_at >= HANG_AFTER


def old_cell(batch: BatchView, now: float, *, wide: bool) -> Text:
    """Show how far the old rule got, and in a wide terminal what it threw away."""
    cell = Text(no_wrap=True, overflow="ellipsis")
    if batch.registered_at is None:
        cell.append(f"{len(batch.old.dropped)} dropped" if batch.old.dropped else "", style=STYLES["old"])
        return cell
    cell.append(f"{batch.old.filled}/{len(batch.slots)} ")
    if batch.old.complete:
        return cell.append("complete", style=STYLES["direct"])
    waits = hangs(batch, now)
    cell.append("waits for ever" if waits else "waiting", style=STYLES["hang"] if waits else STYLES["old"])
    if wide:
        lost = [f"{len(batch.old.dropped)} dropped"] if batch.old.dropped else []
        lost += [f"{len(batch.old.uncounted)} failed"] if batch.old.uncounted else []
        cell.append(f" ({', '.join(lost)})" if lost else "", style=STYLES["old"])
    return cell


def legend(glyphs: Glyphs) -> Text:
    """Explain the glyphs, in one line of less than 80 characters."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for mark, meaning in (
        ("direct", "text"),
        ("reconciled", "text that came early"),
        ("failed", "failed"),
        ("free", "free"),
    ):
        line.append(getattr(glyphs, mark), style=STYLES[mark]).append(f" {meaning}  ", style=STYLES["dim"])
    line.append(glyphs.pending, style=STYLES["early"]).append(" pending  ", style=STYLES["dim"])
    return line.append("+1", style=STYLES["excess"]).append(" excess", style=STYLES["dim"])
