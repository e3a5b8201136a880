"""`python -m tests.crash`: enumerate the crash points of a seed and print a table, or repeat one run.

    python -m tests.crash                                   all single crashes and zombies of one seed, sampled pairs
    python -m tests.crash --seeds 1 2 3 --pairs 500         more of it
    python -m tests.crash --mutations 60                    what the driver makes of a mutated engine
    python -m tests.crash --seed 7 --guarantee exactly_once --crash 41b --then 3a --wipe

The exit status is 1 where a violation was found (with --mutations: where one was not noticed).
"""

import argparse
import sys
import time

from tests.crash.catalogue import SEED, TRIALS, attempt, table
from tests.crash.jobs import JOBS
from tests.crash.scenario import GUARANTEES, Point, Scenario
from tests.crash.sweep import Report, crashes, examine, keepers, pairs, sweep, zombies


def main() -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[SEED], help="seeds to enumerate")
    parser.add_argument("--pairs", type=int, default=100, help="two crashes: so many a seed and guarantee")
    parser.add_argument("--mutations", type=int, metavar="RUNS", help="try the mutations, in so many runs each")
    parser.add_argument("--seed", type=int, help="run one scenario of this seed")
    parser.add_argument("--guarantee", choices=GUARANTEES, default=GUARANTEES[0])
    parser.add_argument("--crash", type=Point.parse, metavar="POINT", help="such as 41a or 41b")
    parser.add_argument("--then", type=Point.parse, metavar="POINT", help="where the second worker dies")
    parser.add_argument("--wipe", action="store_true", help="the local state is lost with the first worker")
    parser.add_argument("--zombie", action="store_true", help="the first worker only stands still")
    parser.add_argument("--wake", type=int, default=0, help="it goes on at this operation of the second one")
    parser.add_argument("--keeps", action="store_true", help="it keeps what it had, though a second one was in between")
    parser.add_argument("--job", choices=JOBS, default="essays", help="the application")
    given = parser.parse_args()
    if given.mutations:
        return _mutations(given.mutations)
    if given.seed is None:
        return _all(given.seeds, given.pairs, given.job)
    where = (given.crash, given.then, given.wipe, given.zombie, given.wake)
    return _one(Scenario(given.seed, given.guarantee, *where, given.job, given.keeps))


def _one(scenario: Scenario) -> int:
    result, found = examine(scenario)
    for process in result.processes:
        struck = scenario.crash if process is result.processes[0] else None
        at = f", struck at {struck}: {process.operations[struck.number - 1].name}" if struck else ""
        _say(f"{process.name}: {len(process.operations)} operations{at}")
    _say(f"digest {result.digest}")
    _say(*(found or ["no violation"]))
    return 1 if any(not finding.startswith("residue") for finding in found) else 0


def _all(seeds: list[int], count: int, job: str) -> int:
    bad = 0
    _say(f"{'seed':>4} {'guarantee':<15}{'kind':<15}{'runs':>6}{'violated':>10}{'residue':>9}{'seconds':>9}")
    for seed in seeds:
        for guarantee in GUARANTEES:
            for scenarios in (
                crashes(seed, guarantee, job=job),
                zombies(seed, guarantee, job=job),
                keepers(seed, guarantee, job=job),
                pairs(seed, guarantee, count, job=job),
            ):
                begun = time.monotonic()
                report = sweep(scenarios)
                _row(seed, guarantee, report, time.monotonic() - begun)
                bad += len(report.bad)
                _say(*report.lines())
    return 1 if bad else 0


def _row(seed: int, guarantee: str, report: Report, seconds: float) -> None:
    kinds = "+".join(dict.fromkeys(kind.partition(",")[0] for kind in report.runs))
    runs = sum(report.runs.values())
    _say(f"{seed:>4} {guarantee:<15}{kinds:<15}{runs:>6}{len(report.bad):>10}{len(report.residue):>9}{seconds:>9.1f}")


def _mutations(most: int) -> int:
    results = [(trial, attempt(trial, most, enough=most)) for trial in TRIALS]
    _say(*table(results))
    return 1 if any(bool(caught.caught) is trial.harmless for trial, caught in results) else 0


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
