"""Batches that come and are retired for ever: what stays of them on disk, in the changelog and in memory. No broker.

``python -m bench.retention [--batches N] [--never]``: so many batches of 10 pass through the join and RocksDB, as a
partition would fold them, at 5,500 records a second of log time; batches and receipts are kept for 20 s of it. The
worker's own ticks retire them. A line for each tenth of them. With ``--never`` nothing is retired, to compare with;
``--compare`` has both by turns. The rows are the live keys of the changelog.

What is flat saws: RocksDB gives back what is deleted when it compacts. So of the database and of memory it is the mean
of the ten slices of a tenth that is told, and compared.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from bench.cells import Cell
from bench.contestants import ALL
from bench.figures import Figure
from bench.passing import SLICES, Passing
from bench.process import ContestantError
from bench.stage import Stage, say
from bench.tenths import TENTHS, THIRD, tenth_figures
from bench.trial import Measured

BATCHES = 300_000
_KEPT_SECONDS = 20.0
_OF_TENTH = SLICES // TENTHS
#: What is told of each tenth.
QUANTITIES = ("rows", "database_mb", "memory_mb")

Slice = dict[str, float]
#: With retention, and without.
Pair = tuple[Slice, Slice]


class Retention(Cell):
    """The same in processes of its own, with retention and without, by turns: a hundredth of it each."""

    def __init__(self, name: str, batches: int) -> None:
        super().__init__(name, "rollcall", ())
        self.contestant = ALL["rollcall"]
        self._batches = batches

    async def measure(self, stage: Stage) -> Measured:  # noqa: ARG002 - the broker has no part in it
        """Measure it. Raises ContestantError where the process fails."""
        return await asyncio.to_thread(compared, self._batches, say)


def compared(batches: int, tell: Callable[[str], None]) -> Measured:
    """Both by turns; what there is in each tenth is told with ``tell`` when it is over.

    Raises ContestantError where one fails.
    """
    measured: Measured = {}
    tenths: list[Pair] = []
    pairs = by_turns(batches)
    before: Pair = (_NOTHING, _NOTHING)
    while part := list(islice(pairs, _OF_TENTH)):
        kept, never = (in_tenth([pair[number] for pair in part], before[number]) for number in (0, 1))
        before, number = part[-1], len(tenths) + 1
        tenths.append((kept, never))
        tell(f"tenth {number}: with retention {_in_words(kept)}")
        tell(f"tenth {number}: without        {_in_words(never)}")
        tell(f"tenth {number}: with against without, {_against(tenths[-1:])}")
        measured |= {f"retention.{quantity}.{number}": kept[quantity] for quantity in QUANTITIES}
    for quantity in QUANTITIES:
        growth = measured[f"retention.{quantity}.{TENTHS}"] / measured[f"retention.{quantity}.{THIRD}"]
        measured[f"retention.{quantity}.growth"] = growth
    tell(f"from the fourth tenth on, {_against(tenths[THIRD:])}")
    measured["retention.speed"] = ratio(tenths[THIRD:], "cpu_seconds")
    return measured


def by_turns(batches: int) -> Iterator[Pair]:
    """The slices of a run with retention and of one without, which take turns: neither has a quieter machine.

    Raises ContestantError where one fails.
    """
    command = [sys.executable, "-m", "bench.retention", "--batches", str(batches), "--by-turns"]
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - this program
                    [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for options in ([], ["--never"])
        ]
        for number in range(SLICES):
            # Who is first is so every other time: it has what the other one has left in the caches of the processor.
            order = (0, 1) if number % 2 else (1, 0)
            found = {which: _next_slice(runs[which]) for which in order}
            yield found[0], found[1]


def _next_slice(run: "subprocess.Popen[str]") -> Slice:
    if run.stdin is None or run.stdout is None:
        raise TypeError
    run.stdin.write("\n")
    run.stdin.flush()
    line = run.stdout.readline()
    if not line:
        message = f"{run.args!s} ended early: what it says is above"
        raise ContestantError(message)
    found: Slice = json.loads(line)
    return found


_NOTHING: Slice = {"seconds": 0.0, "cpu_seconds": 0.0, "events": 0.0}


def in_tenth(slices: Sequence[Slice], before: Slice) -> Slice:
    """The mean of each quantity over the slices of a tenth, and what it took; ``before`` is the slice before them."""
    tenth = {quantity: mean(part[quantity] for part in slices) for quantity in QUANTITIES}
    tenth |= {name: slices[-1][name] - before[name] for name in _NOTHING}
    return tenth


def ratio(tenths: Sequence[Pair], what: str) -> float:
    """The events a second, or a CPU second, of those with retention against those without."""
    kept, never = (sum(pair[n][what] for pair in tenths) / sum(pair[n]["events"] for pair in tenths) for n in (0, 1))
    return never / kept


def retention_figures(cell: str) -> list[Figure]:
    """The figures of one run."""
    named = {"rows": "rows, and live keys of the changelog", "database_mb": "database, MB", "memory_mb": "memory, MB"}
    figures = tenth_figures("retention", "retention", cell, named, "in")
    title = "events a CPU second with retention, against without, from the fourth tenth on"
    return [*figures, Figure("retention:speed", title, cell, "retention.speed", most=False, goal=0.9, high=True)]


def _in_words(tenth: Slice) -> str:
    quantities = ", ".join(f"{name} {tenth[name]:,.1f}" for name in QUANTITIES)
    events = tenth["events"]
    return f"{quantities}, {events / tenth['seconds']:,.0f} events/s, {events / tenth['cpu_seconds']:,.0f} a CPU second"


def _against(tenths: Sequence[Pair]) -> str:
    return f"events/s {ratio(tenths, 'seconds'):.3f}, events a CPU second {ratio(tenths, 'cpu_seconds'):.3f}"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _slices(batches: int, kept_seconds: float) -> Iterator[Slice]:
    with TemporaryDirectory(prefix="rollcall-retention-") as home:
        yield from Passing(batches, kept_seconds, Path(home)).run()


def main() -> int:
    """Print a line for each tenth; or a line for each slice, as JSON, whenever a line is read."""
    parser = argparse.ArgumentParser(prog="python -m bench.retention")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--never", action="store_true", help="retire nothing")
    parser.add_argument("--by-turns", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true", help="with retention and without, by turns")
    options = parser.parse_args()
    if options.compare:
        compared(options.batches, _print)
        return 0
    found = _slices(options.batches, 0 if options.never else _KEPT_SECONDS)
    if options.by_turns:
        while sys.stdin.readline():
            part = next(found, None)
            if part is None:
                break
            _print(json.dumps(part))
        return 0
    before = _NOTHING
    for number in range(1, TENTHS + 1):
        slices = list(islice(found, _OF_TENTH))
        _print(f"tenth {number}: {_in_words(in_tenth(slices, before))}")
        before = slices[-1]
    return 0


if __name__ == "__main__":
    sys.exit(main())
