"""How long tests wait: long enough for a machine that is busy with other things, and never for nothing.

No test asserts on the speed of the machine that it runs on; speeds are the benchmarks'. A wait ends at once when what
it waits for is there, so a long one costs nothing while all is well.
"""

import os
import time

#: Seconds that anything may take that must happen at all. What takes 5 s on an idle machine has taken 40 s beside other
#: work; three times that is a fault and not a slow machine.
PATIENCE = 120.0


def slowness() -> float:
    """How many times slower this process runs than it would alone: 1 on an idle machine.

    For promises in seconds, which hold for a machine that has the time: as many processes as want a core share it.
    What the kernel counts over the last minute, or what is felt at this moment, whichever is more.
    """
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.02:  # 20 ms of work
        pass
    felt = (time.monotonic() - began) / 0.02
    return max(1.0, waiting, felt)
