"""What a worker that can't start says: one line in the shape of all others, which begins with the setting or topic."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kafka import free_port
from tests.engine.harness import log_lines, plain_log
from tests.support.stage import Stage
from tests.support.worker import Worker

APP = "start-errors"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("start")) as made:
        made.io.create_topics({f"{APP}-log": 2})
        yield made


def ended(worker: Worker) -> Worker:
    """The worker, once it has ended by itself, without a traceback."""
    worker.launch()
    try:
        assert worker.wait_end() == 1, worker.tail()
        assert "Traceback" not in plain_log(worker)
        return worker
    finally:
        worker.close()


def told(worker: Worker) -> str:
    """The error in the only line of its level."""
    (line,) = [line for line in log_lines(ended(worker)) if line["level"] in {"error", "critical"}]
    assert line["event"] == "the worker can't start"
    assert "exception" not in line
    return str(line["error"])


def test_a_data_directory_that_is_a_file_and_a_port_that_is_taken_are_told_alike(tmp_path: Path) -> None:
    worker = Worker(f"127.0.0.1:{free_port()}", tmp_path / "file")
    worker.datadir.write_text("")
    assert told(worker).startswith(f"ROLLCALL_DATADIR={worker.datadir}: ")
    worker = Worker(f"127.0.0.1:{free_port()}", tmp_path / "port")
    with socket.create_server(("127.0.0.1", worker.port)):
        assert told(worker).startswith(f"ROLLCALL_HTTP_PORT={worker.port}: ")


@pytest.mark.kafka
def test_so_is_a_topic_that_is_not_as_it_must_be(stage: Stage) -> None:
    assert told(stage.worker(app_id=APP)).startswith(f"topic {APP}-log has ")


def test_on_a_terminal_the_line_is_in_words_as_well(tmp_path: Path) -> None:
    worker = Worker(f"127.0.0.1:{free_port()}", tmp_path, settings={"ROLLCALL_LOG_FORMAT": "console"})
    worker.datadir.write_text("")
    text = plain_log(ended(worker))
    (line,) = [line for line in text.splitlines() if "[error" in line or "[critical" in line]
    assert "the worker can't start" in line
    assert "DiskError" not in line
    assert f'error="ROLLCALL_DATADIR={worker.datadir}: ' in line
