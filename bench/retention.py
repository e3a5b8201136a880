"""Batches that come and are retired for ever: what stays of them on disk, in the changelog and in memory. No broker.

``python -m bench.retention [--batches N] [--never]``: so many batches of 10 pass through the join and RocksDB, as a
partition would fold them, at 5,500 records a second of log time; batches and receipts are kept for 20 s of it. The
worker's own ticks retire them. A line for each tenth of them. With ``--never`` nothing is retired, to compare with.

What is flat saws: RocksDB gives back what is deleted when it compacts. So of the database and of memory it is the mean
of the ten slices of a tenth that is told, and compared.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
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


class Retention(Cell):
    """The same in processes of its own, with retention and without, by turns: a hundredth of it each."""

    def __init__(self, name: str, batches: int) -> None:
        super().__init__(name, "rollcall", ())
        self.contestant = ALL["rollcall"]
        self._batches = batches

    async def measure(self, stage: Stage) -> Measured:  # noqa: ARG002 - the broker has no part in it
        """Measure it. Raises ContestantError where the process fails."""
        kept, never = await asyncio.to_thread(by_turns, self._batches)
        measured: Measured = {}
        tenths = in_tenths(kept)
        for number, tenth in enumerate(tenths, 1):
            say(f"tenth {number}: {_told(tenth)}")
            measured |= {f"retention.{quantity}.{number}": tenth[quantity] for quantity in QUANTITIES}
        for quantity in QUANTITIES:
            growth = measured[f"retention.{quantity}.10"] / measured[f"retention.{quantity}.3"]
            measured[f"retention.{quantity}.growth"] = growth
        measured["retention.speed"] = microseconds(never) / microseconds(kept)
        return measured


def by_turns(batches: int) -> list[list[Slice]]:
    """The slices of a run with retention and of one without, which take turns: neither has a quieter machine.

    Raises ContestantError where one fails.
    """
    command = [sys.executable, "-m", "bench.retention", "--batches", str(batches), "--by-turns"]
    found: list[list[Slice]] = [[], []]
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - this program
                    [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for options in ([], ["--never"])
        ]
        for _ in range(SLICES):
            for run, slices in zip(runs, found, strict=True):
                if run.stdin is None or run.stdout is None:
                    raise TypeError
                run.stdin.write("\n")
                run.stdin.flush()
                line = run.stdout.readline()
                if not line:
                    message = f"{' '.join(command)} ended early: what it says is above"
                    raise ContestantError(message)
                slices.append(json.loads(line))
    return found


def in_tenths(slices: Sequence[Slice]) -> list[Slice]:
    """The mean of each quantity over each tenth of the slices, and the CPU time an event had in it."""
    tenths, before = [], {"cpu_seconds": 0.0, "events": 0.0}
    for begin in range(0, SLICES, _OF_TENTH):
        of_tenth = slices[begin : begin + _OF_TENTH]
        last = of_tenth[-1]
        tenth = {quantity: mean(part[quantity] for part in of_tenth) for quantity in QUANTITIES}
        spent, events = last["cpu_seconds"] - before["cpu_seconds"], last["events"] - before["events"]
        tenths.append(tenth | {"cpu_microseconds_per_event": spent / events * 1e6})
        before = last
    return tenths


def microseconds(slices: Sequence[Slice]) -> float:
    """The CPU time of an event from the end of the third tenth on."""
    begin, end = slices[THIRD * _OF_TENTH - 1], slices[-1]
    return (end["cpu_seconds"] - begin["cpu_seconds"]) / (end["events"] - begin["events"]) * 1e6


def retention_figures(cell: str) -> list[Figure]:
    """The figures of one run."""
    named = {"rows": "rows, and live keys of the changelog", "database_mb": "database, MB", "memory_mb": "memory, MB"}
    figures = tenth_figures("retention", "retention", cell, named, "in")
    title = "events a CPU second with retention, against without, from the fourth tenth on"
    return [*figures, Figure("retention:speed", title, cell, "retention.speed", most=False, goal=0.9, high=True)]


def _told(tenth: Slice) -> str:
    return ", ".join(f"{name} {value:,.1f}" for name, value in tenth.items())


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
        for slices in by_turns(options.batches):
            for number, tenth in enumerate(in_tenths(slices), 1):
                sys.stdout.write(f"tenth {number}: {_told(tenth)}\n")
            sys.stdout.write(f"CPU microseconds an event from the fourth tenth on: {microseconds(slices):.1f}\n")
        return 0
    found = _slices(options.batches, 0 if options.never else _KEPT_SECONDS)
    if options.by_turns:
        while sys.stdin.readline():
            part = next(found, None)
            if part is None:
                break
            sys.stdout.write(json.dumps(part) + "\n")
            sys.stdout.flush()
        return 0
    for number, tenth in enumerate(in_tenths(list(found)), 1):
        sys.stdout.write(f"tenth {number}: {_told(tenth)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
