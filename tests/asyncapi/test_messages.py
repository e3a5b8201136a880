"""The AsyncAPI document is true of what is read and written: messages of every kind are held against it."""

import copy
import json
import uuid
from pathlib import Path

import pytest

from app.asyncapi.catalogue import INPUTS
from app.core import names
from app.core.acts import Act, Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.engine.state.memory_store import MemoryStore
from app.wire.acts import encode as encode_act
from app.wire.decode import RejectedError, decode
from demo.events import envelope
from demo.file_service import FileService
from demo.orchestrator import BatchOrchestrator
from demo.plan import make_plan
from tests.agents.log import Log, Output, Worker
from tests.asyncapi.checking import DOCUMENT, message_of, output_problems, problems
from tests.contract.cases import CASES, SHIFTED
from tests.core.play import SECOND, START
from tests.support import events
from tests.support.events import STYLES
from tests.support.malformed import malformed

DAY = 86_400
MAX_BYTES = 1_048_576

#: Refused by the code for what the schemas leave to it.
BEYOND_A_SCHEMA = ("two different batch ids", "timestamp 'yesterday'")


def said() -> list[Output]:
    """What a worker says to the cases of the contract, to two days of silence, and to what an operator does."""
    log = Log()
    for number, case in enumerate([*CASES, *SHIFTED]):
        for step in case.messages(f"case-{number}"):
            for message in step:
                log.send(message)
    for batch in ("alone", "dropped"):
        log.send(events.message(events.content(batch, f"{batch}-upload", f"{batch}-text")))
        log.send(events.message(events.failure(batch, f"{batch}-broken")))
    log.act("dropped", DiscardUpload(str(uuid.uuid4()), "ada", "twice", "dropped-upload"))
    log.send(events.message(events.registration("short", events.essay_ids("short", 3))))
    log.send(events.message(events.content("short", "short-upload", "short-text")))
    log.act("short", ForceComplete(str(uuid.uuid4()), "ada", "enough"))
    log.act("short", Reopen(str(uuid.uuid4()), "ada", "more", ("another",)))
    log.tick(START + 3 * DAY * SECOND)
    worker = Worker(MemoryStore()).run(log.records)
    return worker.outputs


def test_everything_that_is_said_is_as_described() -> None:
    outputs = said()
    assert {topic for topic, *_ in outputs} == set(names.OUTPUTS)
    wrong = {topic: found for topic, _, value, headers in outputs if (found := output_problems(topic, value, headers))}
    assert wrong == {}


@pytest.mark.parametrize("topic", sorted(set(names.OUTPUTS) - {names.DEAD_LETTER}))
def test_a_field_that_nobody_described_is_found(topic: str) -> None:
    _, _, value, headers = next(output for output in said() if output[0] == topic)
    event = json.loads(value or b"")
    event["data"]["another"] = 1
    assert output_problems(topic, json.dumps(event).encode(), headers) != []
    assert output_problems(topic, value, headers[1:]) != []


@pytest.mark.parametrize("style", STYLES, ids=repr)
def test_what_producers_of_both_generations_send_is_as_described(style: events.Style) -> None:
    for event in (
        events.registration("a", events.essay_ids("a", 3), style=style),
        events.content("a", "upload", "text", style=style),
        events.failure("a", "broken", style=style),
    ):
        assert problems(message_of(event["event_type"])["payload"], event) == []


def test_what_the_services_of_the_demo_send_is_as_described(tmp_path: Path) -> None:
    orchestrator, files = BatchOrchestrator(tmp_path / "batches"), FileService(tmp_path / "files")
    for batch in make_plan(seed=7, batches=8, essays=4).batches:
        orchestrator.register(batch)
        for upload in batch.uploads:
            files.upload(upload)
    sent: set[str] = set()
    for service in (orchestrator, files):
        for row in service.database.due_events(delay=0, limit=1000):
            value = envelope(row.topic, row.source_service, row.correlation_id, json.loads(row.data))
            assert problems(message_of(row.topic)["payload"], json.loads(value)) == []
            sent.add(row.topic)
        service.database.close()
    assert sent == {names.REGISTERED, names.CONTENT, names.FAILED}


def test_what_is_refused_for_its_form_is_not_as_described() -> None:
    tried = 0
    for kind, message in malformed("asyncapi"):
        with pytest.raises(RejectedError):
            decode(message.topic, message.value, MAX_BYTES)
        try:
            event = json.loads((message.value or b"").decode())
        except ValueError:
            continue  # no text, or no JSON
        if not kind.startswith(BEYOND_A_SCHEMA):
            assert problems(message_of(message.topic)["payload"], event) != [], kind
            tried += 1
    assert tried > 60


@pytest.mark.parametrize("topic", [topic for topic in INPUTS if message_of(topic)["examples"]])
def test_what_is_described_as_optional_may_be_left_out(topic: str) -> None:
    """The other way round: whatever field is left out, the schema and the code agree on whether the message is good."""
    payload = message_of(topic)["payload"]
    good = copy.deepcopy(next(example for example in message_of(topic)["examples"]))["payload"]
    for name in (*good, *(f"data.{field}" for field in good["data"])):
        event = copy.deepcopy(good)
        place, _, field = name.rpartition(".")
        del (event[place] if place else event)[field]
        try:
            decode(topic, json.dumps(event).encode(), MAX_BYTES)
            accepted = True
        except RejectedError:
            accepted = False
        assert (problems(payload, event) == []) == accepted, name


@pytest.mark.parametrize(
    "act",
    [
        ForceComplete(str(uuid.uuid4()), "ada", "why"),
        Discard(str(uuid.uuid4()), "ada", "why"),
        DiscardUpload(str(uuid.uuid4()), "ada", "why", "upload"),
        Extend(str(uuid.uuid4()), "ada", "why", 60),
        Reopen(str(uuid.uuid4()), "ada", "why", ("essay",)),
    ],
    ids=lambda act: type(act).__name__,
)
def test_what_operators_do_is_as_described(act: Act) -> None:
    payload = DOCUMENT["components"]["messages"]["LogAct"]["payload"]
    _, value, _ = encode_act("batch", act)
    event = json.loads(value)
    assert problems(payload, event) == []
    assert problems(payload, event | {"another": 1}) != []
    assert problems(payload, event | {"who": ""}) != []
