"""The workers' disk is full for a minute, under load, and then has room again."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import cast

from tests.faults.faults import READY_SECONDS, Cast, Fault, now
from tests.faults.stage import FaultStage
from tests.support.worker import Worker

DISK_BYTES = 256 << 20
FULL_SECONDS = 60
#: Between two looks at whether a worker has ended, which is started again then, as a supervisor would.
SUPERVISOR_SECONDS = 1.0
TOLD = "no space left"


class SmallDisk:
    """A file system of its own, of which the rest can be taken. Raises RuntimeError where nothing can be mounted."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.place = place
        self._filler = place / "filler"
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode != 0:
            message = f"a full disk takes a file system of its own, and none can be mounted: {made.stderr.decode()}"
            raise RuntimeError(message)

    def fill(self) -> None:
        """Take what is left, whatever the others write meanwhile."""
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:
                os.write(filler.fileno(), bytes(1 << 16))
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:
                os.write(filler.fileno(), bytes(1 << 8))

    def make_room(self) -> None:
        """Give it back."""
        self._filler.unlink()

    def unmount(self) -> None:
        """Be gone with all that is on it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def _stage(everyone: Cast) -> FaultStage:
    return cast("FaultStage", everyone.stage)


def _move(everyone: Cast, _: Worker) -> None:
    """Have all workers keep their data on the small disk."""
    stage = _stage(everyone)
    if stage.disk is not None:
        return
    stage.disk = SmallDisk(stage.home / "disk")
    stage.at_end(stage.disk.unmount)
    for worker in everyone.workers:
        everyone.end(worker)
        there = stage.disk.place / worker.home.name
        shutil.copytree(worker.datadir, there)
        worker.datadir = there
        worker.env["ROLLCALL_DATADIR"] = str(there)
        worker.launch()
    everyone.ready()


def _fill(everyone: Cast, _: Worker) -> int:
    """Every worker that meets the end of the disk says so and ends; started again, it does once more."""
    disk = _stage(everyone).disk
    assert disk is not None
    logs = {worker: worker.log.stat().st_size for worker in everyone.workers}
    until = time.monotonic() + FULL_SECONDS
    while time.monotonic() < until:
        disk.fill()
        _supervise(everyone)
        time.sleep(SUPERVISOR_SECONDS)
    told = [worker for worker, size in logs.items() if TOLD in worker.log.read_text("utf-8", "replace")[size:]]
    if len(told) < len(logs):
        everyone.problems.append(f"{len(logs) - len(told)} of {len(logs)} workers have not met the full disk")
    disk.make_room()
    struck = now()
    deadline = time.monotonic() + READY_SECONDS
    while any(worker.get("/health/ready")[0] != 200 for worker in everyone.workers):
        _supervise(everyone)  # one may have been about to end
        if time.monotonic() > deadline:
            break
        time.sleep(SUPERVISOR_SECONDS)
    return struck


def _supervise(everyone: Cast) -> None:
    for worker in everyone.workers:
        if not worker.alive:
            if worker.exit_code != 1 or TOLD not in worker.tail():
                everyone.problems.append(f"disk full: a worker ended with {worker.exit_code}\n{worker.tail()}")
            everyone.ended_by_disk += 1
            worker.launch()


DISK_FULL = "disk-full"
DISK = {DISK_FULL: Fault(_fill, whole=True, slowly=True, prepare=_move)}
