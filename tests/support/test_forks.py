"""Forked commands are processes like any other."""

import os
import signal
from pathlib import Path

from tests.support import forks
from tests.support.forks import Fork, run_all
from tests.support.patience import PATIENCE

ENVIRONMENT = {"PATH": os.environ["PATH"], "ROLLCALL_BROKER": "127.0.0.1:9"}


def test_each_has_its_own_arguments_environment_output_and_status() -> None:
    shown, bogus, wrong = run_all(
        [["status", "--help"], ["bogus"], ["topology", "--json"]], ENVIRONMENT | {"ROLLCALL_PARTITIONS": "few"}
    )
    assert (shown.returncode, bogus.returncode, wrong.returncode) == (1, 1, 1)
    assert shown.stdout == ""
    assert "ROLLCALL_PARTITIONS" in wrong.stderr
    shown, bogus = run_all([["status", "--help"], ["bogus"]], ENVIRONMENT)
    assert (shown.returncode, bogus.returncode) == (0, 2)
    assert "Everything at a glance" in shown.stdout
    assert "No such command 'bogus'" in bogus.stderr


def test_one_leads_a_session_of_its_own_hears_signals_and_leaves_nothing(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        streams = {"stdout": output.fileno(), "stderr": output.fileno()}
        process = Fork("worker", env=ENVIRONMENT | {"ROLLCALL_DATADIR": str(tmp_path)}, **streams)
    assert os.getsid(process.pid) == process.pid
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert not Path(f"/proc/{process.pid}").exists(), "its status has been taken"
    process.send_signal(signal.SIGTERM)  # nobody's: the id may be another process's by now


def test_the_parent_that_forks_has_one_thread() -> None:
    """A lock that another thread held at the fork would be held in the child for ever."""
    assert forks.threads() == 1
