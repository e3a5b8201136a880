"""The spans of a chunk: which there are, what they say, what they hang on; none of a chunk that came to nothing."""

import json
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv._incubating.attributes import messaging_attributes as conventions
from opentelemetry.trace import SpanKind

from app.core import names
from app.engine import repartition
from app.engine.deadline import Deadline
from app.engine.repartition import Repartitioner
from app.tracing import spans as spans_module
from app.tracing import stages
from app.tracing.spans import MOST
from app.wire.traceparent import of_message
from tests.engine.fakes import Fetched
from tests.support.events import content, redelivered_message, registration
from tests.tracing.running import Rig, batch_of, running, trace_of, traced_event, until


def said(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def hexed(span: ReadableSpan) -> tuple[str, str]:
    context = span.context
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def parent(span: ReadableSpan) -> tuple[str, str] | None:
    return None if span.parent is None else (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}")


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    return [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links]


async def done(rig: Rig, offset: int) -> None:
    await until(lambda: rig.task.acknowledged == offset)


async def test_each_message_with_a_trace_has_a_span_in_it_that_leads_to_its_chunk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent = batch_of("b", 2)
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed([*sent, traced_event(content("other", "u", "t"), None)])
        await done(rig, 4)
    (chunk,), (commit,), joined = rig.named("process"), rig.named("commit"), rig.named("join")
    assert [parent(span) for span in joined] == [trace_of("b/r"), trace_of("b/0"), trace_of("b/1")]
    assert [links(span) for span in joined] == [[hexed(chunk)]] * 3
    assert parent(chunk) is None
    assert links(chunk) == [trace_of("b/r"), trace_of("b/0"), trace_of("b/1")]
    assert parent(commit) == hexed(chunk)
    assert said(chunk)["messaging.batch.message_count"] == 4
    assert said(commit)["messaging.kafka.offset"] == 4
    for span in rig.spans:
        assert (span.start_time or 0) <= (span.end_time or 0)
    assert (commit.start_time or 0) >= (chunk.start_time or 0)


async def test_they_say_what_the_conventions_for_messaging_ask_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed(batch_of("b", 1))
        await done(rig, 2)
        log = rig.settings.log_topic
    joined = said(rig.named("join")[1])
    assert joined == {
        conventions.MESSAGING_SYSTEM: "kafka",
        conventions.MESSAGING_CONSUMER_GROUP_NAME: "rollcall",
        conventions.MESSAGING_DESTINATION_NAME: log,
        conventions.MESSAGING_DESTINATION_PARTITION_ID: "0",
        conventions.MESSAGING_KAFKA_OFFSET: 1,
        conventions.MESSAGING_KAFKA_MESSAGE_KEY: joined["rollcall.batch_id"],
        conventions.MESSAGING_OPERATION_NAME: "join",
        conventions.MESSAGING_OPERATION_TYPE: "process",
        "rollcall.batch_id": joined["rollcall.batch_id"],
        "rollcall.source.topic": names.CONTENT,
        "rollcall.source.partition": 0,
        "rollcall.source.offset": 1,
    }
    (chunk,), (commit,), (ready,) = rig.named("process"), rig.named("commit"), rig.named("send")
    assert chunk.name == f"process {log}"
    assert said(chunk)[conventions.MESSAGING_BATCH_MESSAGE_COUNT] == 2
    assert said(commit)[conventions.MESSAGING_OPERATION_TYPE] == "settle"
    assert said(ready)[conventions.MESSAGING_DESTINATION_NAME] == names.READY
    assert said(ready)[conventions.MESSAGING_OPERATION_TYPE] == "send"
    kinds = {span.name.split()[0]: span.kind for span in rig.spans}
    assert kinds == {
        "process": SpanKind.CONSUMER, "join": SpanKind.CONSUMER, "commit": SpanKind.CLIENT, "send": SpanKind.PRODUCER,
    }  # fmt: skip


async def test_ready_is_in_its_registrations_trace_and_leads_to_all_its_uploads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those of earlier chunks, of failures and of what was pending too: the state keeps what each upload came with."""
    registered, *uploads = batch_of("b", 4, failures=1)
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed(uploads[:2])
        await done(rig, 2)
        assert rig.named("send") == []
        rig.feed([registered], 2)
        await done(rig, 3)
        rig.feed(uploads[2:], 3)
        await done(rig, 5)
    (ready,) = rig.named("send")
    assert parent(ready) == trace_of("b/r")
    assert links(ready) == [trace_of("b/0"), trace_of("b/1"), trace_of("b/2"), trace_of("b/3")]
    assert said(ready)["rollcall.batch_id"] == "b"


async def test_a_ready_of_a_registration_without_a_trace_is_in_its_chunk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed([traced_event(registration("b", ["s"]), None), traced_event(content("b", "u", "t"), None)])
        await done(rig, 2)
    (ready,), (chunk,) = rig.named("send"), rig.named("process")
    assert parent(ready) == hexed(chunk)
    assert links(ready) == []
    assert rig.named("join") == []


async def test_links_are_bounded_and_those_left_out_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed(batch_of("b", 200))
        await done(rig, 201)
    (ready,), (chunk,) = rig.named("send"), rig.named("process")
    assert links(ready) == [trace_of(f"b/{number}") for number in range(128)]
    assert said(ready)["rollcall.links_left_out"] == 200 - 128
    assert said(chunk)["rollcall.links_left_out"] == 201 - 128


async def test_the_spans_of_a_chunk_are_bounded_and_those_left_out_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spans_module, "MOST", 50)
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed(batch_of("b", 200))
        await done(rig, 201)
    assert len(rig.named("join")) == 50
    assert said(rig.named("process")[0])["rollcall.messages_without_span"] == 151
    assert MOST * 2 < 2048  # both stages: what the SDK's queue holds


async def test_what_its_sender_has_not_kept_is_not_kept_either(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed([*batch_of("b", 1, flags="00"), *batch_of("c", 1)])
        await done(rig, 4)
    assert {parent(span) for span in rig.named("join")} == {trace_of("c/r"), trace_of("c/0")}
    assert {said(span)["rollcall.batch_id"] for span in rig.named("send")} == {"c"}


async def test_a_chunk_of_messages_that_nobody_kept_has_no_span(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed(batch_of("b", 2, flags="00"))
        await done(rig, 3)
    assert rig.spans == []


async def test_a_message_that_comes_again_has_a_span_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent = batch_of("b", 2)[1]
    async with running(monkeypatch, tmp_path) as rig:
        rig.feed([sent, redelivered_message(sent), traced_event(content("b", "u", ""), "bad")])
        await done(rig, 3)
    assert [parent(span) for span in rig.named("join")] == [trace_of("b/0"), trace_of("b/0"), trace_of("bad")]


async def test_a_chunk_that_comes_to_nothing_leaves_no_span(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its transaction is refused: most likely another worker does it."""
    async with running(monkeypatch, tmp_path) as rig:

        async def refused() -> None:
            raise ProducerFenced

        monkeypatch.setattr(rig.producer, "commit_transaction", refused)
        rig.feed(batch_of("b", 1))
        await until(lambda: rig.failures)
    assert rig.spans == []


async def test_nothing_is_said_of_a_chunk_before_it_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path, "at_least_once", holds=lambda _: True) as rig:
        rig.feed(batch_of("b", 1))
        await until(lambda: rig.producer.held)
        assert rig.spans == []
        rig.producer.acknowledge()
        await until(lambda: rig.producer.held)
        assert rig.spans == []
        rig.producer.acknowledge()
        await done(rig, 2)
    assert len(rig.spans) == 5  # the chunk, its commit, two messages, Ready


async def test_inputs_have_a_span_when_the_log_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with running(monkeypatch, tmp_path, holds=lambda _: True) as rig:

        async def known(*_: object) -> dict[str, int]:
            return {rig.settings.log_topic: 1}

        monkeypatch.setattr(repartition, "leaders_known", known)
        stage = Repartitioner(rig.settings, rig.topology, rig.producer, rig.failures.append)
        await stage.start()
        sent = batch_of("b", 1)
        for topic, message in zip((names.REGISTERED, names.CONTENT), sent, strict=True):
            stage.offer(TopicPartition(topic, 0), [Fetched(topic, 0, 7, 0, message.key, message.value, ())])
        await until(lambda: rig.producer.held)
        assert rig.named("rekey") == []
        rig.producer.acknowledge()
        await until(lambda: rig.named("rekey"))
        await stage.close(Deadline(1))
    spans = {span.name: span for span in rig.named("rekey")}
    assert {name: parent(span) for name, span in spans.items()} == {
        f"rekey {names.REGISTERED}": trace_of("b/r"),
        f"rekey {names.CONTENT}": trace_of("b/0"),
    }
    told = said(spans[f"rekey {names.CONTENT}"])
    assert (told["messaging.destination.partition.id"], told["messaging.kafka.offset"]) == ("0", 7)
    assert told["messaging.operation.type"] == "process"


async def test_a_fault_in_the_spans_stops_no_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with running(monkeypatch, tmp_path) as rig:
        lines: list[str] = []
        monkeypatch.setattr(stages.log, "warning", lambda event, **_: lines.append(event))
        monkeypatch.setattr(spans_module, "_parent", lambda _: 1 / 0)
        rig.feed(batch_of("b", 1))
        await done(rig, 2)
        assert rig.failures == []
    assert lines == ["spans could not be made"]


@pytest.mark.parametrize(
    "traceparent",
    ["", "00-1-2-01", f"ff-{'a' * 32}-{'b' * 16}-01", f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01",
     f"00-{'A' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'b' * 16}-01-more", f"00-{'a' * 32}-{'b' * 16}-01\n", 7, None],
)  # fmt: skip
def test_what_is_no_traceparent_is_none(traceparent: object) -> None:
    assert of_message(json.dumps({"metadata": {"traceparent": traceparent}}).encode()) is None


def test_a_traceparent_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    value = json.dumps({"metadata": {"traceparent": f"01-{'a' * 32}-{'b' * 16}-00-more"}}).encode()
    assert of_message(value) == ("a" * 32, "b" * 16, 0)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"metadata": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_message_that_is_none_has_no_trace(value: bytes | None) -> None:
    assert of_message(value) is None
