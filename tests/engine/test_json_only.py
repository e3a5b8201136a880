"""With JSON logs everything that a worker writes is a line of JSON on standard error, from its start to its end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.harness import bug, flat, until
from tests.support.events import Json
from tests.support.forks import Fork
from tests.support.stage import Stage
from tests.support.worker import ROOT, Worker

pytestmark = pytest.mark.kafka

#: Prints, warns, fails in a thread and unraisably, and writes sequences for a terminal, once the worker folds.
NOISY = r"""
def install():
    import sys, threading, warnings
    import agents.join as join
    steps, said = join.Join.steps, []

    class Unraisable:
        def __del__(self):
            raise ValueError("unraisable")

    def noisy(self, chunk, *bounds):
        if not said:
            said.append(chunk)
            print("printed \x1b[31mred\x1b[0m\nand more")
            sys.stderr.write("\x1b[?25hto standard error without an end")
            warnings.warn("a warning")
            thread = threading.Thread(target=lambda: 1 / 0, name="failing")
            thread.start()
            thread.join()
            Unraisable()
        if any(record.value and b"crash" in record.value for record in chunk):
            raise LookupError("a bug in the fold")
        return steps(self, chunk, *bounds)

    join.Join.steps = noisy
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("json"), settings={"ROLLCALL_LOG_FORMAT": "json"}) as made:
        yield made


def launch(worker: Worker, *, forked: bool = False) -> tuple[subprocess.Popen[bytes] | Fork, Path, Path]:
    """The worker with a file each for what it prints and what it logs; begun from nothing, unless it is ``forked``."""
    out, err = worker.home / "out", worker.home / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        if forked:
            streams = {"stdout": stdout.fileno(), "stderr": stderr.fileno()}
            worker.process = Fork("app", "worker", env=worker.env, **streams)
            return worker.process, out, err
        faust = str(Path(sys.executable).parent / "faust")
        command = [faust, "-A", "app", "worker"]
        worker.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=worker.env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    return worker.process, out, err


def lines(out: Path, err: Path) -> list[Json]:
    """All that was written: JSON, each line with a level, an event, a logger and a time, and nothing printed."""
    assert out.read_text() == ""
    found = [json.loads(line) for line in err.read_text().splitlines()]
    for line in found:
        assert line.keys() >= {"event", "level", "logger", "timestamp"}, line
        assert "\x1b" not in str(line.get("event"))
    return found


def test_start_noise_and_stop_are_lines_of_json(stage: Stage, tmp_path: Path) -> None:
    worker = stage.worker(app_id="noisy", settings=bug(tmp_path, NOISY))
    process, out, err = launch(worker)
    worker.wait_ready()
    stage.io.produce(flat("R1 C0", "noise"))
    stage.wait_taken("noisy")
    os.kill(process.pid, signal.SIGUSR2)  # a debugger would keep it waiting
    worker.stop()
    assert worker.exit_code == 0
    events = {str(line["event"]): line for line in lines(out, err)}
    assert events["the worker starts"]["app_id"] == "noisy"
    assert events["printed red"]["logger"] == "app.stdout"
    assert events["and more"]["level"] == "info"
    assert "to standard error without an end" in events
    assert any("a warning" in event for event in events)
    thread = events["a thread ended with an error that nobody caught"]
    assert (thread["thread"], thread["exception"][0]["exc_type"]) == ("failing", "ZeroDivisionError")
    assert any("unraisable" in str(line.get("exception")) for line in events.values())


def test_a_crash_is_lines_of_json_with_the_traceback_inside(stage: Stage, tmp_path: Path) -> None:
    worker = stage.worker(app_id="crashing", settings=bug(tmp_path, NOISY))
    _, out, err = launch(worker, forked=True)
    worker.wait_ready()
    stage.io.produce(flat("R1 C0", "crash"))
    worker.wait_end(60)
    assert worker.exit_code == 1
    (stop,) = [line for line in lines(out, err) if line["event"] == "the worker can't go on and stops"]
    assert "a bug in the fold" in str(stop["exception"])


def test_the_broker_that_is_away_and_ctrl_c_are_lines_of_json(tmp_path: Path) -> None:
    worker = Worker("127.0.0.1:9", tmp_path, settings={"ROLLCALL_LOG_FORMAT": "json", "WEB_BIND": "127.0.0.2"})
    process, out, err = launch(worker)
    try:
        until(lambda: "trying again" in err.read_text(), "a try", 60)
        process.send_signal(signal.SIGINT)
        worker.wait_end(60)
    finally:
        worker.close()
    assert worker.exit_code == 0
    found = lines(out, err)
    (unread,) = [line for line in found if "WEB_BIND" in line]
    assert unread["WEB_BIND"] == "ROLLCALL_HTTP_HOST"


@pytest.mark.parametrize("after", [0.3, 0.6, 0.9, 1.2, 1.5])
def test_sigterm_ends_a_worker_that_is_still_being_imported(after: float, tmp_path: Path) -> None:
    """Whenever it comes: as its own signal's status before any of our code runs, else with 0."""
    worker = Worker("127.0.0.1:9", tmp_path, settings={"ROLLCALL_LOG_FORMAT": "json"})
    process, out, err = launch(worker)
    try:
        time.sleep(after)
        process.send_signal(signal.SIGTERM)
        worker.wait_end(60)
    finally:
        worker.close()
    assert worker.exit_code in {0, -signal.SIGTERM}
    lines(out, err)
