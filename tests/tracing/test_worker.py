"""A real worker that sends its traces to a collector: its spans, its log, its metrics; and with the collector away."""

import json
import re
import time
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support.events import content
from tests.support.patience import slowness
from tests.support.stage import Stage
from tests.support.worker import STOP_SECONDS, Worker
from tests.tracing.receiver import Receiver
from tests.tracing.running import batch_of, trace_of, traced_event

pytestmark = pytest.mark.kafka
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("traces")) as made:
        yield made


@pytest.fixture(scope="module")
def worker(stage: Stage, receiver: Receiver) -> Worker:
    """A worker that has completed a batch of three, and made a dead letter."""
    worker = stage.worker(settings={"ROLLCALL_TRACES": "true", "ROLLCALL_LOG_FORMAT": "json"})
    worker.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_SERVICE_NAME": "essays",
    }
    worker.start()
    reader = stage.reader()
    bad = traced_event(content("b", "another", "x" * 2000), "bad")
    stage.io.produce([*batch_of("b", 3, failures=1), bad])

    def enough(records: list[OutputRecord]) -> bool:
        return {topics.READY, topics.DEAD} <= {record.topic for record in records}

    reader.require(enough, "a ready and a dead letter")
    return worker


def test_the_collector_gets_the_whole_way_of_a_batch(worker: Worker, receiver: Receiver) -> None:
    receiver.wait(lambda spans: {"rekey", "process", "commit", "join", "send"} <= {s.name.split()[0] for s in spans})
    receiver.wait(lambda spans: sum(span.name.startswith("join ") for span in spans) == 5)
    found = {
        name: {span.name.split()[0] for span in receiver.spans if span.trace_id.hex() == trace_of(name)[0]}
        for name in ("b/r", "b/0", "b/1", "b/2", "bad")
    }
    assert found["b/r"] == {"rekey", "join", "send"}
    assert all(found[name] == {"rekey", "join"} for name in ("b/0", "b/1", "b/2", "bad"))
    (ready,) = [span for span in receiver.spans if span.name == f"send {topics.READY}"]
    assert {link.trace_id.hex() for link in ready.links} == {trace_of(f"b/{number}")[0] for number in range(3)}
    assert {attributes["service.name"] for attributes in receiver.resources} == {"essays"}
    assert {attributes["service.instance.id"] for attributes in receiver.resources} == {
        f"http://127.0.0.1:{worker.port}"
    }


def test_a_line_of_the_log_says_the_trace_of_what_it_is_about(worker: Worker) -> None:
    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    (line,) = [line for line in lines if line["event"] == "dead letter"]
    assert (line["trace_id"], line["span_id"]) == trace_of("bad")


def test_the_metrics_lead_to_a_trace_where_openmetrics_is_asked_for(worker: Worker) -> None:
    def asked(accept: str) -> tuple[str, str]:
        request = Request(f"http://127.0.0.1:{worker.port}/metrics", headers={"Accept": accept} if accept else {})
        with urlopen(request) as answer:  # noqa: S310 - this machine's
            return answer.headers["Content-Type"], answer.read().decode()

    kind, text = asked(OPEN_METRICS)
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    exemplars = dict(re.findall(r'(rollcall_ready_after_\w+)_bucket\S* \S+ # {[^}]*trace_id="(\w+)"', text))
    uploads = {trace_of(f"b/{number}")[0] for number in range(3)}
    assert exemplars["rollcall_ready_after_registration_seconds"] == trace_of("b/r")[0]
    assert exemplars["rollcall_ready_after_last_upload_seconds"] in uploads
    for accept in ("", "text/plain"):
        kind, text = asked(accept)
        assert kind.startswith("text/plain; version=")
        assert "trace_id" not in text
        assert "rollcall_ready_after_registration_seconds_count 1.0" in text


def test_with_the_collector_gone_a_worker_works_on_and_stops_in_time(
    worker: Worker, receiver: Receiver, stage: Stage
) -> None:
    """The last of this file: it closes the receiver, and stops the worker."""
    receiver.__exit__()
    stage.io.produce([traced_event(content("b", "late", "late"), "late")])
    stage.wait_folded()
    begun = time.monotonic()
    worker.stop()
    assert worker.exit_code == 0
    assert time.monotonic() - begun < STOP_SECONDS * slowness()
