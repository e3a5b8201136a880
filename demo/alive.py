"""Whether a service of the demo runs: ``python -m demo.alive SERVICE``. Asked often: imports nothing that is slow."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

NAMES = ("orchestrator", "file-service")

DIRECTORY = Path(tempfile.gettempdir()) / "rollcall-demo"
"""Where the services keep their data, each in a folder of its name, unless they are told otherwise."""

ALIVE = "alive"
"""The file that a running service touches, in its folder."""
HEALTHY = 10.0
"""Seconds for which a touch is good: five of those of ``demo.serve``."""


def end_on_sigterm() -> None:
    """Let SIGTERM end this process with status 0 until a loop answers it: as process 1 it would not hear it at all."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def healthy(folder: Path) -> bool:
    """Whether a service has touched its file in the last ten seconds."""
    with suppress(FileNotFoundError):
        return time.time() - (folder / ALIVE).stat().st_mtime < HEALTHY
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Say by the exit status whether the service runs: 0 if it does, else 1."""
    parser = argparse.ArgumentParser(prog="python -m demo.alive", description="Exit 0 if a service runs, else 1.")
    parser.add_argument("service", choices=NAMES)
    parser.add_argument("--directory", type=Path, default=DIRECTORY, metavar="PATH")
    options = parser.parse_args(argv)
    return 0 if healthy(options.directory / options.service) else 1


if __name__ == "__main__":
    sys.exit(main())
