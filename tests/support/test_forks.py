"""Forked workers and commands are processes like any other."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from app.native import PURE
from tests.engine.harness import bug, until
from tests.support import forks
from tests.support.forks import Fork, run_all
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

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
        process = Fork("app", "worker", env=ENVIRONMENT | {"ROLLCALL_DATADIR": str(tmp_path)}, **streams)
    assert os.getsid(process.pid) == process.pid
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert not Path(f"/proc/{process.pid}").exists(), "its status has been taken"
    process.send_signal(signal.SIGTERM)  # nobody's: the id may be another process's by now


def test_the_parent_that_forks_has_one_thread() -> None:
    """A lock that another thread held at the fork would be held in the child for ever."""
    assert forks.threads() == 1


def _state(worker: Worker) -> dict[str, object]:
    """What the kernel says of a worker: its signals, directory, session, and what is at its standard streams."""
    assert worker.process is not None
    proc = Path(f"/proc/{worker.process.pid}")
    status = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    return {
        "signals": {name: status[name] for name in ("SigBlk", "SigIgn", "SigCgt")},
        "limits": (proc / "limits").read_text(),
        "directory": (proc / "cwd").readlink(),
        "leads a session": os.getsid(worker.process.pid) == worker.process.pid,
        "streams": [str((proc / "fd" / number).readlink()).replace(str(worker.home), "") for number in "012"],
        "umask": status["Umask"],
    }


def _waits_for_its_broker(worker: Worker) -> bool:
    return worker.log.exists() and "trying again" in worker.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_forked_worker_is_as_one_begun_from_nothing(number: signal.Signals, tmp_path: Path) -> None:
    forked = Worker("127.0.0.1:9", tmp_path / "forked", settings={"ROLLCALL_LOG_FORMAT": "json"})
    begun = Worker("127.0.0.1:9", tmp_path / "begun", settings={"ROLLCALL_LOG_FORMAT": "json", "OF_ITS_OWN": "1"})
    workers = [forked, begun]
    try:
        for worker in workers:
            worker.launch()
        assert isinstance(forked.process, Fork)
        assert not isinstance(begun.process, Fork)
        for worker in workers:
            until(partial(_waits_for_its_broker, worker), "a try to reach the broker")
        assert _state(forked) == _state(begun)
        for worker in workers:
            assert worker.process is not None
            worker.process.send_signal(number)
        assert [worker.wait_end() for worker in workers] == [0, 0]
        lines = [[json.loads(line) for line in worker.log.read_text().splitlines()] for worker in workers]
        first, second = ([(line["event"], line["logger"], line["level"]) for line in of[:3]] for of in lines)
        assert first == second
    finally:
        for worker in workers:
            worker.close()


def test_a_worker_that_is_started_again_by_another_test_is_forked_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "of another test (call)")
    worker = Worker("127.0.0.1:9", tmp_path)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "this one (call)")
    try:
        worker.launch()
        assert isinstance(worker.process, Fork)
    finally:
        worker.close()


def test_one_whose_end_has_come_need_not_be_waited_for(tmp_path: Path) -> None:
    worker = Worker("127.0.0.1:9", tmp_path)
    try:
        worker.launch()
        worker.kill()
        assert worker.wait_end() == -signal.SIGKILL
    finally:
        worker.close()


@pytest.mark.parametrize("early", [False, True])
def test_a_bug_is_planted_in_a_forked_worker_and_in_one_begun_from_nothing(tmp_path: Path, *, early: bool) -> None:
    said = bug(tmp_path, "def install():\n    print('PLANTED', flush=True)\n", early=early)
    worker = Worker("127.0.0.1:9", tmp_path / "worker", settings=said)
    try:
        worker.launch()
        assert isinstance(worker.process, Fork) is not early
        until(lambda: worker.log.exists() and worker.log.read_text().count("PLANTED") == 1, "a planted bug")
    finally:
        worker.close()


def test_a_worker_that_chooses_otherwise_before_its_imports_is_begun_from_nothing(tmp_path: Path) -> None:
    """Its native part, and its code itself: a forked one has them already."""
    settings = {"ROLLCALL_LOG_FORMAT": "json", PURE: "1"}
    worker = Worker("127.0.0.1:9", tmp_path, settings=settings)
    try:
        worker.launch()
        assert not isinstance(worker.process, Fork) or os.environ.get(PURE) == "1"
        until(partial(_waits_for_its_broker, worker), "a try to reach the broker")
        lines = map(json.loads, worker.log.read_text().splitlines())
        assert next(line for line in lines if "runs" in line)["runs"] == "python"
    finally:
        worker.close()
