"""Every way of kill -9 that there is here: once, once more while it starts, two workers or all three at once; each with
and without the data directory.
"""

import time
from functools import partial

from tests.faults.faults import FAULTS, WORKERS, Cast, Fault
from tests.support.worker import Worker

# Seconds from a start to the next kill: a worker imports for half a second to one, then joins the group, which misses
# its predecessor only after the session time-out (2 s in these rounds), and restores. All of it is to be hit.
SOONEST, LATEST = 0.2, 4.0


def _again(fault: Fault, cast: Cast, victim: Worker) -> int:
    """Kill it, start it, and kill it once more; what it has restored by then it finds again."""
    fault.strike(cast, victim)
    time.sleep(cast.chance.uniform(SOONEST, LATEST))
    return FAULTS["kill"].strike(cast, victim)


#: Half of them with the directory wiped.
KILLS = {
    name + suffix: fault
    for name in ("kill", "wipe")
    for suffix, fault in {
        "": FAULTS[name],
        "-again": Fault(partial(_again, FAULTS[name]), from_end=True),
        "-both": Fault(FAULTS[name].strike, victims=2),
        "-all": Fault(FAULTS[name].strike, victims=WORKERS),
    }.items()
}
