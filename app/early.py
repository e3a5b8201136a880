"""What comes before a worker is imported: a signal, and standard streams that are not there. Imports nothing that takes
time, so that it is early.

As process 1 of a container, a program without a handler of its own doesn't hear SIGTERM at all.
"""

import os
import signal
import sys
import threading


def end_on_sigterm() -> None:
    """Let SIGTERM end a worker at once, with status 0, until its loop answers it: nothing has begun."""
    if (
        "worker" in sys.argv[1:]
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def open_standard_streams() -> None:
    """Have something open at descriptors 0 to 2, where whoever started this process has closed them (``2>&-``).

    The next files and connections would get these numbers: what is printed would go into them, and libuv ends a process
    that closes one.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, and those before it are open
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))
