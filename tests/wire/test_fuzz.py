"""Whatever comes, only RejectedError comes out; and what is accepted is JSON whose outputs can be written."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core import names
from app.core.batch import Batch
from app.core.events import Position, Registration, Source, Upload
from app.core.fold import fold
from app.core.messages import Message as Said
from app.wire.decode import Decoded, RejectedError, batch_id_for_routing, decode
from app.wire.encode import encode as encode_output
from tests.core.examples import examples
from tests.core.models import MODELS, Envelope
from tests.core.play import EMITTED_AT, Played
from tests.oracle import topics
from tests.support.events import Json, encode
from tests.wire.test_decode import good

TOPICS = st.sampled_from(topics.INPUTS)
REASONS = {"null_value", "oversized", "malformed", "unknown_event", "missing_field", "invalid_field"}
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def try_it(topic: str, value: bytes | None) -> None:
    """Decode; what is accepted must be the JSON of an object, and go through the fold into outputs that parse."""
    routed = batch_id_for_routing(value)
    try:
        decoded = decode(topic, value, 1_000_000)
    except RejectedError as rejected:
        reason, detail = rejected.reason, rejected.detail
    else:
        accepted(decoded, value, routed)
        return
    assert reason in REASONS
    assert 0 < len(detail) <= 1000


def accepted(decoded: Decoded, value: bytes | None, routed: str | None) -> None:
    assert value is not None
    assert isinstance(json.loads(value.decode()), dict)
    assert routed == decoded.batch_id
    event = decoded.event
    played = Played(Batch(decoded.batch_id))
    steps = []
    if not isinstance(event, Registration):
        filled: list[Registration | Upload] = [event, Registration(("e",), "ENG5", "u", None, None, None, None, NIL, 0)]
    else:
        filled = [event]
    for number, upload in enumerate(filled):
        steps.append(fold(played.batch, upload, Position(number, number, Source(1, 0, number)), played.policy))
    for output in (output for step in steps for output in step.outputs):
        assert isinstance(output, Said)
        envelope = Envelope.model_validate_json(encode_output(output, EMITTED_AT, "s")[0])
        if output.topic != names.ERRORS:  # an error detail is passed on as it came, whatever types it has
            MODELS[output.topic].model_validate(envelope.data)


NIL = "00000000-0000-0000-0000-000000000000"


@examples(200)
@given(TOPICS, st.none() | st.binary(max_size=200))
def test_arbitrary_bytes(topic: str, value: bytes | None) -> None:
    try_it(topic, value)


@examples(150)
@given(TOPICS, JSON)
def test_arbitrary_json(topic: str, value: Any) -> None:
    try_it(topic, json.dumps(value).encode())


@examples(300)
@given(TOPICS, st.data())
def test_a_good_message_with_bytes_changed(topic: str, data: st.DataObject) -> None:
    raw = bytearray(encode(good(topic)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["set", "insert", "delete", "cut"]))
        if kind == "set":
            raw[place] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            raw[place:place] = data.draw(st.binary(min_size=1, max_size=4))
        elif kind == "delete":
            del raw[place : place + data.draw(st.integers(1, 4))]
        else:
            del raw[place + 1 :]
        if not raw:
            break
    try_it(topic, bytes(raw))


@examples(400)
@given(TOPICS, st.data())
def test_a_good_message_with_values_changed(topic: str, data: st.DataObject) -> None:
    event = good(topic)
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(list(_places(event))))
        if key not in holder:
            continue
        kind = data.draw(st.sampled_from(["replace", "remove", "text", "rename"]))
        if kind == "replace":
            holder[key] = data.draw(JSON)
        elif kind == "remove":
            del holder[key]
        elif kind == "text":
            holder[key] = data.draw(st.text(max_size=8))
        else:
            holder[data.draw(st.text(max_size=6))] = holder.pop(key)
    try_it(topic, json.dumps(event).encode())


def _places(holder: Json) -> list[tuple[Json, str]]:
    found = [(holder, key) for key in holder]
    for value in holder.values():
        if isinstance(value, dict):
            found += _places(value)
    return found


@examples(150)
@given(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6), st.text(max_size=6))
def test_any_text_may_be_an_id_or_a_name(batch: str, text: str, name: str) -> None:
    """Unicode, control characters and all, as long as it is text."""
    event = good(topics.CONTENT, entity_id=batch, text_storage_id=text, original_file_name=name)
    try:
        value = encode(event)
    except UnicodeEncodeError:
        return
    try_it(topics.CONTENT, value)
    try_it(topics.CONTENT, json.dumps(event).encode())
