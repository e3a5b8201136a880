"""Another release in the group: its code beside ours, and workers that are exchanged for it and back, one by one."""

import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from tests.faults.faults import Cast, Fault, now
from tests.support.worker import ROOT, Worker

#: A round of the schedule in which one worker is exchanged.
EXCHANGE = "exchange"


def unpack(release: str, into: Path) -> Path:
    """Where the code of another release lies: of a wheel, or of a commit of this clone.

    Raises OSError and subprocess.CalledProcessError where there is neither.
    """
    into.mkdir(parents=True)
    if release.endswith(".whl"):
        # No dependencies: it runs on ours, which are pinned.
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(into), release]
        subprocess.run(command, check=True)
    else:
        archive = subprocess.run(["git", "archive", release], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(into, filter="data")
    return into


def _exchange(cast: Cast, victim: Worker) -> int:
    """Stop it in order, and start the other release on its directory."""
    cast.end(victim)
    ended = now()
    victim.tree = cast.former if victim.tree == ROOT else ROOT
    victim.launch()
    cast.exchanged += 1
    return ended


def _next(cast: Cast) -> Worker:
    return cast.workers[cast.exchanged % len(cast.workers)]


EXCHANGES = {EXCHANGE: Fault(_exchange, victim=_next)}
