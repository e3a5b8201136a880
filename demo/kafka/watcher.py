"""Ends the broker when the Python process that started it is gone, however it went; run as a script of its own.

The broker is a process of its own and would outlive a parent that got SIGKILL. Linux could signal it by
PR_SET_PDEATHSIG, but that fires when the *thread* that started it ends, needs code between fork and exec (unsafe in a
process with threads), and macOS hasn't got it. A pipe works on both: only the parent holds its writing end, which the
kernel closes when the parent dies, so reading to the end tells the watcher, at once and without polling.

Its standard input: the broker's process id on a line; then `done` before the end if the parent has seen the broker
end itself. The argument, if any, is a temporary data directory, removed after the broker.
"""

import os
import shutil
import signal
import sys
import time

_POLL_SECONDS = 0.05


def main() -> None:
    """Wait for the parent to say `done` or to be gone; in the latter case kill the broker and clean up."""
    pid, _, rest = sys.stdin.read().partition("\n")
    if rest.strip() == "done":
        return
    if pid:
        try:
            # Its id can't have passed to another process: the parent says `done` as soon as it has reaped the broker.
            os.kill(int(pid), signal.SIGKILL)
            while True:
                os.kill(int(pid), 0)
                time.sleep(_POLL_SECONDS)
        except ProcessLookupError:
            pass
    for directory in sys.argv[1:]:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
