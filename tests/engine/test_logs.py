"""Structured logs: every line JSON where it should be, the batch on lines about a batch, no values of variables."""

import asyncio
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiokafka.errors import TopicAuthorizationFailedError

from app import logs
from tests.engine.harness import ESCAPES, envelopes, flat, log_lines
from tests.oracle import topics
from tests.support.events import Json, Message
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import ROOT, Worker

# A line with a traceback whose frames hold a secret, through the project's own configuration of the logs.
FAILS = """
import logging.config, sys
import structlog
from app import logs
from app.errors import OperatorError
from app.settings import Settings

logs.configure()
logging.config.dictConfig(logs.logging_config(Settings(log_format=sys.argv[1])))

def fails(secret):
    password = "hunter2" + secret
    if sys.argv[2] == "operator":
        raise OperatorError("raise max.message.bytes of the topic")
    raise ValueError(len(password))

try:
    fails("correct horse battery staple")
except Exception as error:
    structlog.get_logger("app.here").error("it failed", exc_info=error, batch_id="b")
    logging.getLogger("faust.somewhere").exception("it failed there")
"""


def failing(log_format: str, kind: str = "bug") -> str:
    """What is written to standard error about an error."""
    command = [sys.executable, "-c", FAILS, log_format, kind]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == ""
    return ESCAPES.sub("", done.stderr)


def test_a_logger_that_was_used_before_logs_were_configured_again_is_heard_as_any_other() -> None:
    logger = structlog.get_logger("app.before")
    logs.configure()
    logger.warning("before")
    logs.configure()
    with structlog.testing.capture_logs() as lines:
        logger.warning("after")
    assert [line["event"] for line in lines] == ["after"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values_of_local_variables(log_format: str) -> None:
    text = failing(log_format)
    assert "ValueError" in text
    assert "fails" in text, "the place is shown"
    for secret in ("hunter2", "correct horse", "battery staple"):
        assert secret not in text.replace('fails("correct horse battery staple")', "")


def test_json_logs_are_one_object_a_line_tracebacks_included() -> None:
    lines = [json.loads(line) for line in failing("json").splitlines()]
    assert [line["event"] for line in lines] == ["it failed", "it failed there"]
    assert [line["logger"] for line in lines] == ["app.here", "faust.somewhere"]
    assert lines[0]["batch_id"] == "b"
    assert lines[0]["exception"][0]["exc_type"] == "ValueError"
    assert "locals" not in json.dumps(lines)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_error_that_an_operator_can_put_right_is_a_line_without_a_traceback(log_format: str) -> None:
    text = failing(log_format, "operator")
    assert "Traceback" not in text
    assert '"exception"' not in text
    assert len(text.strip().splitlines()) == 2


def test_what_a_client_was_refused_and_nobody_waits_for_is_not_told_again_with_a_traceback() -> None:
    filters = logs.configuration(as_json=True)["handlers"]["stderr"]["filters"]
    assert "abandoned" in filters
    handled: list[dict[str, Any]] = []

    async def forget(error: Exception) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: handled.append(context))
        asyncio.get_running_loop().create_future().set_exception(error)
        gc.collect()

    asyncio.run(forget(TopicAuthorizationFailedError("t")))
    asyncio.run(forget(ValueError("ours")))
    through = []
    for context in handled:
        error = context["exception"]
        info = (type(error), error, None)
        record = logging.LogRecord("asyncio", logging.ERROR, "", 0, context["message"], (), info)
        through.append(logs.Abandoned().filter(record))
    assert through == [False, True]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {
        "ROLLCALL_READINESS_TIMEOUT_SECONDS": "1",
        "ROLLCALL_PENDING_TTL_SECONDS": "1",
        "ROLLCALL_TICK_SECONDS": "0.1",
    }
    with Stage(tmp_path_factory.mktemp("logs"), settings=settings) as made:
        yield made


@pytest.fixture(scope="module")
def sent() -> list[Message]:
    """One batch for each kind of line about a batch, and a message that has none."""
    return [
        *flat("R2 C0", "log-late"),
        *flat("C0", "log-expired"),
        *flat("R2 R2'", "log-conflict"),
        *flat("R2 C0 C1@0", "log-upload"),
        Message(topics.CONTENT, b"k", b'{"password": "hunter2"'),
    ]


@pytest.fixture(scope="module")
def lines(stage: Stage, sent: list[Message]) -> list[Json]:
    """The log of a worker that met all of them and was stopped."""
    worker: Worker = stage.worker()
    worker.start()
    stage.io.produce(sent)
    read = stage.reader()
    read.require(
        lambda found: bool(envelopes(found, topics.TIMEOUT, "log-late") and envelopes(found, topics.EXPIRED)),
        "a timeout and an expiry",
    )
    stage.wait_taken()
    worker.stop()
    (stage.home / "raw").write_text(worker.log.read_text())
    return log_lines(worker)


def about(lines: list[Json], batch: str) -> list[Json]:
    """The lines that are about a batch."""
    return [line for line in lines if line.get("batch_id") == batch]


def correlation(sent: list[Message], batch: str, index: int) -> Any:
    """The correlation id of a message of a batch."""
    mine = [json.loads(record.value or b"") for record in sent if batch.encode() in (record.value or b"")]
    return mine[index]["correlation_id"]


@pytest.mark.kafka
def test_every_line_of_a_worker_says_when_who_and_how_bad(lines: list[Json]) -> None:
    assert len(lines) > 10
    for line in lines:
        assert line.keys() >= {"event", "level", "logger", "timestamp"}, line
        assert line["timestamp"].endswith("Z")


@pytest.mark.kafka
def test_nothing_but_json_lines_is_written(lines: list[Json], stage: Stage) -> None:
    assert lines
    assert [line for line in (stage.home / "raw").read_text().splitlines() if not line.startswith("{")] == []


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("event", "batch", "index"),
    [
        ("batch is late", "log-late", 0),
        ("pending upload expired", "log-expired", 0),
        ("dead letter", "log-conflict", 1),
        ("dead letter", "log-upload", 2),
    ],
)
def test_a_line_about_a_batch_has_its_batch_id_and_correlation_id(
    event: str, batch: str, index: int, lines: list[Json], sent: list[Message]
) -> None:
    found = [line for line in about(lines, batch) if line["event"] == event]
    assert found, [line["event"] for line in about(lines, batch)]
    assert found[0].get("correlation_id") == correlation(sent, batch, index)


@pytest.mark.kafka
def test_a_dead_letter_is_logged_with_its_reason_and_place_but_without_its_content(
    lines: list[Json], stage: Stage
) -> None:
    (line,) = [line for line in lines if line["event"] == "dead letter" and "batch_id" not in line]
    assert line.keys() >= {"reason", "detail", "topic", "partition", "offset"}
    assert "hunter2" not in (stage.home / "raw").read_text()
