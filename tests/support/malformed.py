"""Messages that nobody can use, each kind with a name; every one of them must become a dead letter."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.oracle import topics
from tests.support.events import Json, Message, content, encode, essay_ids, failure, registration, uid

# The fields an outcome depends on: without one of these a message can't be used, whatever a reader's taste.
NEEDED = {
    topics.REGISTERED: ("essay_ids", "course_code", "user_id"),
    topics.CONTENT: ("file_upload_id", "original_file_name", "text_storage_id", "timestamp"),
    topics.FAILED: ("file_upload_id", "original_file_name", "validation_error_code", "timestamp"),
}
WRONG_TYPES: dict[str, dict[str, tuple[Any, ...]]] = {
    topics.REGISTERED: {
        "essay_ids": ("one", [], [1, 2], ["a", "a"], [""], {"a": "b"}),
        "course_code": (7, "MATH1", "eng5"),
        "user_id": (["u"], 5),
        "student_prompt_ref": ("prompt",),
    },
    topics.CONTENT: {"file_upload_id": (3, ""), "text_storage_id": ({}, ""), "timestamp": ("yesterday", [])},
    topics.FAILED: {
        "file_upload_id": (3, ""),
        "validation_error_code": (404,),
        "validation_error_detail": ("broken", [1]),
    },
}


def malformed(name: str) -> Iterator[tuple[str, Message]]:
    """Yield every kind of malformed message, with a sentence about it; `name` keeps the ids of two calls apart."""
    for topic in topics.INPUTS:
        yield from _not_json(topic, name)
        yield from _broken_envelopes(topic, name)
        yield from _broken_data(topic, name)


def good_event(topic: str, name: str) -> Json:
    """Return a good envelope of a topic, of a batch of its own."""
    batch = f"broken-{uid(name, topic)}"
    if topic == topics.REGISTERED:
        return registration(batch, essay_ids(batch, 2))
    if topic == topics.CONTENT:
        return content(batch, f"{batch}.upload", f"{batch}.text")
    return failure(batch, f"{batch}.upload")


def oversized(name: str, size: int) -> Message:
    """Return a content message of `size` bytes, good but for an unknown field that fills it."""
    event = good_event(topics.CONTENT, f"oversized/{name}")
    event["data"]["filler"] = ""
    event["data"]["filler"] = "x" * (size - len(encode(event)))
    return Message(topics.CONTENT, uid("oversized", name).encode(), encode(event))


def _not_json(topic: str, name: str) -> Iterator[tuple[str, Message]]:
    good = encode(good_event(topic, f"{name}/not json"))
    values: dict[str, bytes | None] = {
        "a null value": None,
        "an empty value": b"",
        "a value that is no JSON": b"not json at all",
        "JSON cut off in the middle": good[: len(good) // 2],
        "JSON with something behind it": good + b"}",
        "a value that is no UTF-8": good.replace(b'"data"', b'"d\xff\xfeta"'),
        "bytes of another encoding": good.decode().encode("utf-16"),
        "a JSON list": b"[" + good + b"]",
        "a JSON number": b"42",
        "a JSON null": b"null",
        "binary garbage": bytes(range(256)),
    }
    for number, (kind, value) in enumerate(values.items()):
        key = None if number % 2 else f"key-{name}".encode()
        yield f"{kind} on {topic}", Message(topic, key, value)


def _broken_envelopes(topic: str, name: str) -> Iterator[tuple[str, Message]]:
    good = good_event(topic, f"{name}/envelope")
    changes: dict[str, Json] = {
        "an unknown event_type": {"event_type": "huleedu.something.else.v1"},
        "the event_type of another topic": {"event_type": topics.INPUTS[topics.INPUTS.index(topic) - 1]},
        "an event_type of another version": {"event_type": topic[:-1] + "2"},
        "an event_type that is no text": {"event_type": 1},
        "data that is null": {"data": None},
        "data that is a list": {"data": [good["data"]]},
        "data that is text": {"data": json.dumps(good["data"])},
    }
    for kind, change in changes.items():
        yield f"{kind} on {topic}", _message(topic, good | change)
    for field in ("event_type", "data"):
        yield f"no {field} on {topic}", _message(topic, {key: value for key, value in good.items() if key != field})


def _broken_data(topic: str, name: str) -> Iterator[tuple[str, Message]]:
    good = good_event(topic, f"{name}/data")
    data = good["data"]
    batch_field = "entity_id" if "entity_id" in data else "batch_id"
    other_field = "batch_id" if batch_field == "entity_id" else "entity_id"
    for field in (*NEEDED[topic], batch_field):
        without = {key: value for key, value in data.items() if key != field}
        yield f"no {field} on {topic}", _message(topic, good | {"data": without})
        yield f"{field} null on {topic}", _message(topic, good | {"data": data | {field: None}})
    for field, values in WRONG_TYPES[topic].items():
        for value in values:
            changed = copy.deepcopy(data) | {field: value}
            yield f"{field} {value!r} on {topic}", _message(topic, good | {"data": changed})
    for kind, change in {
        "two different batch ids": {other_field: "another-batch"},
        "an empty batch id": {batch_field: ""},
        "a batch id that is a number": {batch_field: 17},
        "a batch id that is a list": {batch_field: ["a"]},
    }.items():
        yield f"{kind} on {topic}", _message(topic, good | {"data": data | change})


def _message(topic: str, event: Json) -> Message:
    return Message(topic, uid("broken", json.dumps(event, sort_keys=True)).encode(), encode(event))
