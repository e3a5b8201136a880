"""Who starts a worker may have closed its standard streams: it works, and ends, as any other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.worker import ROOT


@pytest.mark.parametrize(
    ("program", "closed"), [("faust -A app", "0<&- 1>&- 2>&-"), ("faust -A app", "1>&-"), ("rollcall", "2>&-")]
)
def test_a_worker_whose_standard_streams_are_closed_starts_and_ends(tmp_path: Path, closed: str, program: str) -> None:
    name, *arguments = program.split()
    command = " ".join([str(Path(sys.executable).parent / name), *arguments, "worker"])
    env = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    env |= {"PYTHONPATH": str(ROOT), "ROLLCALL_BROKER": "127.0.0.1:1", "ROLLCALL_DATADIR": str(tmp_path / "data")}
    env |= {"ROLLCALL_HTTP_PORT": "0"}
    worker = subprocess.Popen(
        ["bash", "-c", f"exec {command} {closed}"],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "log").open("w"),
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "data").exists():
            assert worker.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for number in range(3):
            place = str(Path(f"/proc/{worker.pid}/fd/{number}").readlink())
            assert place in {os.devnull, str(tmp_path / "log")}, f"{number} is {place}"
    finally:
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
