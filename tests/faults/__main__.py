"""`python -m tests.faults`: the fault matrix as a command.

Status 0 only if nothing was lost, wrong or, with exactly once, repeated.
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.faults.faults import FAULTS
from tests.faults.matrix import Result, run

GUARANTEES = ("at_least_once", "exactly_once")


def main() -> int:
    """Run what was asked for and print the table."""
    options = _options()
    # The client's own complaints about a broker that this command has just killed.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    home = Path(tempfile.mkdtemp(prefix="rollcall-faults-"))
    chosen = options.fault or list(FAULTS)
    schedule = [chosen[number % len(chosen)] for number in range(options.rounds)]
    until = None if options.minutes is None else time.monotonic() + options.minutes * 60
    results = []
    for guarantee in GUARANTEES if options.guarantee == "both" else (options.guarantee,):
        results.append(
            run(
                guarantee,
                schedule,
                home=home / guarantee,
                seed=options.seed,
                batches=options.batches,
                session_seconds=6 if options.default_timeouts else 2,
                until=until,
                say=_say,
            )
        )
        until = None if options.minutes is None else time.monotonic() + options.minutes * 60
    _say(_table(results))
    if options.json is not None:
        options.json.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    if all(result.right for result in results):
        shutil.rmtree(home, ignore_errors=True)
        return 0
    for result in results:
        _say("\n".join(result.details))
    _say(f"the workers' logs and the broker's data are in {home}")
    return 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2 * len(FAULTS), help="rounds in each guarantee (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the workload, the moments and the victims (%(default)s)"
    )
    parser.add_argument("--guarantee", choices=(*GUARANTEES, "both"), default="both")
    parser.add_argument("--fault", choices=tuple(FAULTS), action="append", help="only these, in turn (all)")
    parser.add_argument("--batches", type=int, default=30, help="batches a round, of 28 inputs each (%(default)s)")
    parser.add_argument("--minutes", type=float, help="begin no further round after so many minutes in a guarantee")
    parser.add_argument(
        "--default-timeouts", action="store_true", help="the shipped session time-out of 6 s instead of 2 s"
    )
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    return parser.parse_args()


def _table(results: list[Result]) -> str:
    lines = [
        (
            f"{'guarantee':<15}{'rounds':>7}{'inputs':>9}{'lost':>6}{'wrong':>7}{'repeated':>10}{'conflicting':>13}"
            f"{'state wrong':>13}{'back, s (median / max)':>24}"
        )
    ]
    for one in results:
        back = f"{median(one.back):.1f} / {max(one.back):.1f}" if one.back else "-"
        lines.append(
            f"{one.guarantee:<15}{one.rounds.total():>7}{one.inputs:>9}{one.lost:>6}{one.wrong:>7}{one.repeated:>10}"
            f"{one.conflicting:>13}{one.state_wrong:>13}{back:>24}"
        )
        lines.append("  " + ", ".join(f"{name} {count}" for name, count in one.rounds.items()))
        if one.ended_after_pause:
            lines.append(f"  {one.ended_after_pause} paused workers ended instead of going on")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
