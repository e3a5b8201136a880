"""Ctrl-C in the demo as its users see it: the whole of it, on a real Kafka with a real worker.

That it ends by itself is seen where it is installed, in `tests/app/test_package.py`.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.kafka


def start(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(temporary: Path) -> list[str]:
    """Command lines of live processes whose environment has this run's temporary directory."""
    found = []
    mark = f"TMPDIR={temporary}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def test_ctrl_c_in_the_middle_ends_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    demo = start(tmp_path, "--batches", "4", "--essays", "3")
    try:
        assert demo.stdout is not None
        for line in demo.stdout:
            if re.search(r"[1-9]\d* batches seen", line):
                break
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=PATIENCE)
    finally:
        demo.kill()
    assert demo.returncode == 130, output
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
