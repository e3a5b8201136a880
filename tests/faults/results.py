"""What a run saw, and the table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

TAKEOVER_SECONDS = 10  # with the shipped settings a killed worker's partitions are served again within this


@dataclass
class Row:
    """One fault in one guarantee.

    ``rounds`` counts those that struck while work was left, ``idle`` the others. ``inputs``, ``lost`` and ``wrong``
    are about the batches that began in its rounds (a batch lives for a round or two), ``repeated`` and
    ``conflicting`` about the outputs that came in its rounds.
    """

    rounds: int = 0
    idle: int = 0
    inputs: int = 0
    lost: int = 0
    wrong: int = 0
    repeated: int = 0
    conflicting: int = 0
    recovered: list[float] = field(default_factory=list)  # seconds


@dataclass
class Result:
    """A run. ``state_wrong``: answers of a worker that had only the changelog which were not as they must be."""

    guarantee: str
    seed: int
    session_seconds: float
    schedule: list[str] = field(default_factory=list)  # the rounds as they were played
    rows: dict[str, Row] = field(default_factory=dict)
    outputs: int = 0
    late: int = 0  # uploads that came when their batches were retired
    retired: int = 0  # batches that were when all was drained
    state_batches: int = 0
    state_wrong: int = 0
    ended_after_pause: int = 0
    ended_by_disk: int = 0
    seconds: float = 0
    problems: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def row(self, fault: str) -> Row:
        """The row of a fault."""
        return self.rows.setdefault(fault, Row())

    @property
    def total(self) -> Row:
        """All faults together."""
        found = Row()
        for other in self.rows.values():
            for name in ("rounds", "idle", "inputs", "lost", "wrong", "repeated", "conflicting"):
                setattr(found, name, getattr(found, name) + getattr(other, name))
            found.recovered += other.recovered
        return found

    @property
    def right(self) -> bool:
        """Whether the promises held: nothing lost, wrong or conflicting, and with exactly once nothing repeated."""
        total = self.total
        broken = total.lost + total.wrong + total.conflicting + self.state_wrong + len(self.problems)
        return not broken and (self.guarantee != "exactly_once" or total.repeated == 0)

    def as_json(self) -> dict[str, object]:
        """The result for a file."""
        return asdict(self) | {"right": self.right, "total": asdict(self.total)}


HEAD = (
    f"{'guarantee':<15}{'fault':<13}{'rounds':>7}{'inputs':>9}{'lost':>6}{'wrong':>7}{'repeated':>10}{'conflicting':>13}"
    f"{'to recover, s: median':>23}{'max':>7}"
)


def table(results: Sequence[Result]) -> str:
    """The closing table: a line a guarantee and fault, and what else there is to say."""
    lines = [HEAD, "-" * len(HEAD)]
    for result in results:
        for fault, row in [*result.rows.items(), ("all", result.total)]:
            middle, most = (median(row.recovered), max(row.recovered)) if row.recovered else (0, 0)
            lines.append(
                f"{result.guarantee:<15}{fault:<13}{row.rounds:>7}{row.inputs:>9}{row.lost:>6}{row.wrong:>7}"
                f"{row.repeated:>10}{row.conflicting:>13}{middle:>23.1f}{most:>7.1f}"
            )
        lines += [f"  {note}" for note in _notes(result)]
    return "\n".join(lines)


def _notes(result: Result) -> list[str]:
    idle = result.total.idle
    notes = [
        (
            f"state, by a worker with nothing but the changelog: {result.state_batches} batches asked about, "
            f"{result.state_wrong} wrong answers"
        ),
        (
            f"{result.outputs} outputs, {result.seconds:.0f} s, seed {result.seed}, "
            f"session time-out {result.session_seconds:g} s"
        ),
    ]
    if result.retired:
        notes.append(f"{result.retired} batches were retired, and {result.late} uploads came too late for theirs")
    if idle:
        notes.append(f"{idle} rounds in which no work was left as the fault struck: judged, but not counted")
    if result.ended_after_pause:
        notes.append(f"{result.ended_after_pause} paused workers ended on waking and were started again")
    if result.ended_by_disk:
        notes.append(f"{result.ended_by_disk} ends of workers that met a full disk, and were started again")
    if result.problems:
        notes.append(f"{len(result.problems)} problems: see below")
    return notes
