"""`python -m tests.faults`: the fault matrix as a command.

Status 0 only if nothing was lost, wrong or conflicting, no state was wrong, no worker misbehaved, with exactly once
nothing was repeated, and with the shipped time-outs a killed worker's partitions were served again within 10 s.
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.cluster_faults import CLUSTER_FAULTS
from tests.faults.counts import KEPT, add
from tests.faults.disk import DISK, DISK_FULL
from tests.faults.faults import ALL, CHUNKS, FAULTS, TAKEOVER, WORKERS
from tests.faults.former import EXCHANGE, unpack
from tests.faults.kills import KILLS
from tests.faults.matrix import run
from tests.faults.results import TAKEOVER_SECONDS, Result, table
from tests.faults.stage import Plan

GUARANTEES = ("at_least_once", "exactly_once")
SHIPPED_SESSION, SHORT_SESSION = 6, 2  # seconds
EVENTS = 1000
LONG = 25  # times every fault
# A round of --kills: half of these within the half second in which it strikes, then 30/s to show that all is served; it
# strikes while so many answers are owed by whom it befalls.
KILL_INPUTS, KILL_DRIP, KILL_OWED = 600, 3, 8


def main() -> int:
    """Run what was asked for and print the table."""
    options = _options()
    # The client's own complaints about a broker that this command has just killed.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    home = Path(tempfile.mkdtemp(prefix="rollcall-faults-"))
    usual = FAULTS if options.brokers == 1 else CLUSTER_FAULTS
    exchanged = options.upgrade_from is not None
    former = unpack(options.upgrade_from, home / "former") if exchanged else None
    if options.kills:
        usual = KILLS
    chosen = [EXCHANGE] if exchanged else options.fault or ([TAKEOVER] if options.default_timeouts else list(usual))
    shipped = options.default_timeouts or (options.brokers > 1 and not options.kills)
    rounds = (
        (2 * WORKERS if exchanged else 0)
        or options.rounds
        or (LONG * len(chosen) if options.long else 5 if options.default_timeouts else len(chosen))
    )
    results = []
    for guarantee in GUARANTEES if options.guarantee == "both" else (options.guarantee,):
        plan = Plan(
            guarantee,
            [chosen[number % len(chosen)] for number in range(rounds)],
            home / guarantee,
            seed=options.seed,
            events_per_round=options.events_per_round or (KILL_INPUTS if options.kills else EVENTS),
            session_seconds=SHIPPED_SESSION if shipped else SHORT_SESSION,
            chunks=() if options.default_timeouts else CHUNKS,
            until=None if options.minutes is None else time.monotonic() + options.minutes * 60,
            brokers=options.brokers,
            drip=KILL_DRIP if options.kills else None,
            owed=KILL_OWED if options.kills else 1,
            former=former,
            retention=options.retention,
        )
        results.append(run(plan, _say))
    _say("\n" + table(results))
    if options.json is not None:
        options.json.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    if options.count:
        add(KEPT, results, options.brokers)
        _say(f"added to {KEPT}")
    if all(_right(result) for result in results):
        shutil.rmtree(home, ignore_errors=True)
        return 0
    for result in results:
        _say("\n".join([f"{result.guarantee}: {line}" for line in [*result.problems, *result.details[:40]]]))
    _say(f"the workers' logs and the broker's data are in {home}")
    return 1


def _right(result: Result) -> bool:
    if result.session_seconds == SHIPPED_SESSION and TAKEOVER in result.rows:
        return result.right and max(result.rows[TAKEOVER].recovered, default=0) < TAKEOVER_SECONDS
    return result.right


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds in each guarantee (each fault once)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--short", action="store_true", help="each fault once: the default")
    length.add_argument("--long", action="store_true", help=f"each fault {LONG} times")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the workload, the moments and the victims (%(default)s)"
    )
    parser.add_argument("--guarantee", choices=(*GUARANTEES, "both"), default="both")
    parser.add_argument(
        "--brokers",
        type=int,
        choices=(1, 3),
        default=1,
        help="3: a cluster with three copies of everything, its own faults and those of a worker's network, and the "
        f"shipped session time-out of {SHIPPED_SESSION} s (%(default)s)",
    )
    parser.add_argument(
        "--fault",
        choices=(*ALL, *KILLS, *DISK, *CLUSTER_FAULTS),
        action="append",
        help=f"only these, in turn (all but {TAKEOVER} and {DISK_FULL})",
    )
    parser.add_argument(
        "--upgrade-from",
        metavar="WHEEL_OR_COMMIT",
        help="begin with three workers of that release, exchange them one by one for this one, and back again",
    )
    parser.add_argument(
        "--kills",
        action="store_true",
        help=f"every way of kill -9 in turn, half with the directory wiped, in short rounds, with a session of "
        f"{SHORT_SESSION} s on three brokers, too; each worker killed is a round",
    )
    parser.add_argument(
        "--retention",
        type=float,
        metavar="SECONDS",
        help="retire a closed batch after so many seconds, and send more for each when it may have gone",
    )
    parser.add_argument("--events-per-round", type=int, help=f"inputs a round, about ({EVENTS})")
    parser.add_argument("--minutes", type=float, help="begin no further round after so many minutes in a guarantee")
    parser.add_argument(
        "--default-timeouts",
        action="store_true",
        help=f"the shipped session time-out of {SHIPPED_SESSION} s, not {SHORT_SESSION} s, and shipped chunks; without "
        f"--fault and --rounds: five times kill -9 of one of three workers, made up for within {TAKEOVER_SECONDS} s",
    )
    parser.add_argument("--count", action="store_true", help="add the counts to those of all runs, counts.json")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
