"""As process 1, which every container's program is without an init: a signal without a handler of ours is not heard.

In a namespace of processes of its own, so that the kernel's rule is the real one. That takes root's rights on Linux, or
namespaces of users.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.worker import ROOT

_UNSHARE = shutil.which("unshare")
_OWN = [_UNSHARE or "unshare", "--pid", "--fork", "--kill-child"]
_SIGTERM = 1 << (signal.SIGTERM - 1)

#: What a program loads late: seen in the memory of the process when all is imported.
_LATE = ("uvloop", "rocksdict")


def allowed() -> bool:
    """Whether a namespace of processes can be made here."""
    if _UNSHARE is None:
        return False
    return subprocess.run([*_OWN, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not allowed(), reason="no namespace of processes can be made here (unshare --pid)")

PROGRAMS = {
    "worker": [str(Path(sys.executable).with_name("rollcall")), "worker"],
    "demo": [sys.executable, "-m", "demo.serve", "file-service", "--directory", "own"],
}


def first_process(parent: subprocess.Popen[bytes]) -> int:
    """The id, outside, of what is process 1 inside."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.001)
    raise AssertionError


def hears(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM (man 5 proc: SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) & _SIGTERM)


@pytest.mark.parametrize("program", PROGRAMS)
def test_sigterm_ends_process_1_before_what_takes_time_is_imported(program: str, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    env |= {"PYTHONPATH": str(ROOT), "ROLLCALL_BROKER": "127.0.0.1:1", "ROLLCALL_DATADIR": str(tmp_path / "data")}
    parent = subprocess.Popen([*_OWN, *PROGRAMS[program]], cwd=tmp_path, env=env, stderr=subprocess.PIPE)
    try:
        pid = first_process(parent)
        deadline = time.monotonic() + PATIENCE
        while not hears(pid):
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        os.kill(pid, signal.SIGTERM)
        loaded = ""
        with contextlib.suppress(OSError):  # it has ended already
            loaded = Path(f"/proc/{pid}/maps").read_text()
        _, told = parent.communicate(timeout=PATIENCE)
        assert parent.returncode == 0, told.decode()
        assert not [name for name in _LATE if name in loaded], "SIGTERM was not heard until all was imported"
    finally:
        parent.kill()
        parent.wait()
