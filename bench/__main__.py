"""`python -m bench`: measure, print the tables, write the JSON."""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from bench import report
from bench.cells import Cell
from bench.contestants import ALL, Unavailable
from bench.figures import Figure
from bench.plan import Plan
from bench.process import ContestantError
from bench.stage import Stage, say
from bench.trial import Measured
from demo.kafka import KafkaError


def main() -> int:
    """Run what the options say. The exit status is 1 if a contestant failed or was wrong, else 0."""
    parser = _parser()
    options = parser.parse_args()
    plan = Plan(options.events, options.partitions)
    if options.list:
        sys.stdout.writelines(f"{figure.name:16} {figure.title}\n" for figure in plan.figures)
        return 0
    try:
        figures, cells = plan.select(options.only, options.contestants)
    except ValueError as error:
        parser.error(str(error))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_measure(plan, options, figures, cells))
    except KeyboardInterrupt:
        return 130
    except KafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Rollcall and others, doing the same job.")
    add = parser.add_argument
    add("--events", type=_positive, default=1_000_000, help="of the measured phase (default: 1,000,000)")
    add("--rounds", type=_positive, default=5, help="how often each is measured (default: 5)")
    add("--partitions", type=_positive, default=4, help="of every topic (default: 4)")
    add("--only", action="append", default=[], metavar="FIGURE", help="this figure; may be given again (see --list)")
    add("--contestants", nargs="+", default=[], choices=sorted(ALL), help="these alone")
    add("--json", type=Path, default=Path("bench-results.json"), help="where the JSON goes (default: %(default)s)")
    add("--directory", type=Path, help="where the data goes meanwhile (default: the system's temporary directory)")
    add("--list", action="store_true", help="name the figures and end")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


async def _measure(plan: Plan, options: argparse.Namespace, figures: list[Figure], cells: dict[str, Cell]) -> int:
    failed = _prepare(cells)
    results: dict[str, list[Measured]] = {name: [] for name in cells if name not in failed}
    shown_options = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    with Stage(options.partitions, options.directory) as stage:
        await _warm_up(plan, stage, results)
        total, done = options.rounds * len(results), 0
        for number in range(options.rounds):
            for name in [name for name in results if name not in failed]:
                done += 1
                started = time.monotonic()
                try:
                    measured = await cells[name].measure(stage)
                except Exception as error:  # noqa: BLE001 - whatever it is, hours of others' figures are not lost by it
                    failed[name] = str(error) if isinstance(error, ContestantError) else repr(error)
                    say(f"FAILED {name}: {failed[name]}")
                    continue
                results[name].append(measured)
                seconds = time.monotonic() - started
                say(f"[{done}/{total}] round {number + 1} {name}: {_told(measured)} ({seconds:.0f} s)")
            # Written after each round: what was measured is not lost if the rest is broken off.
            _report(options.json, shown_options, figures, results, failed)
    sys.stdout.write(_report(options.json, shown_options, figures, results, failed))
    return 1 if failed else 0


async def _warm_up(plan: Plan, stage: Stage, names: Collection[str]) -> None:
    """Have the broker work once before anything is measured: what comes first on a fresh one costs it twice the CPU."""
    contestant = next((name for name in names if name in ALL), None)
    if contestant is None:
        return
    try:
        await plan.warm_up(contestant).measure(stage)
    except Exception as error:  # noqa: BLE001 - the rounds say it again, with a name
        say(f"the broker could not be warmed up: {error!r}")


def _prepare(cells: Mapping[str, Cell]) -> dict[str, str]:
    """Make every contestant ready; returns the cells of those that can't be had, with the reason."""
    failed: dict[str, str] = {}
    reasons: dict[str, str | None] = {}
    for name, cell in cells.items():
        contestant = cell.contestant
        if contestant.name not in reasons:
            try:
                contestant.prepare()
                reasons[contestant.name] = None
            except Unavailable as error:
                say(f"{contestant.name} can't be had: {error}")
                reasons[contestant.name] = str(error)
        if (reason := reasons[contestant.name]) is not None:
            failed[name] = reason
    return failed


def _told(measured: Measured) -> str:
    shown = ["main.events_per_second", "main.cpu_seconds_per_million", "cold.cpu_seconds", "peak_mb"]
    shown += ["restore.rows_per_second", "raw.rows_per_second", "ready.p99_ms", "bare.p99_ms"]
    return ", ".join(f"{name} {report.number(measured[name])}" for name in shown if name in measured)


def _report(
    path: Path,
    options: Mapping[str, object],
    figures: list[Figure],
    results: Mapping[str, list[Measured]],
    failed: Mapping[str, str],
) -> str:
    """Write the JSON; returns the tables."""
    measured = {name: rounds for name, rounds in results.items() if rounds}
    outcomes = [outcome for figure in figures if (outcome := figure.outcome(measured)) is not None]
    report.write(path, report.as_json(options, measured, outcomes, failed))
    return report.table(measured, outcomes, failed)


if __name__ == "__main__":
    sys.exit(main())
