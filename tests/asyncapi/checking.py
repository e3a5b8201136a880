"""Holds messages against the AsyncAPI document."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from app.asyncapi.document import document

Json = dict[str, Any]

DOCUMENT = document()

_formats = FormatChecker(["uuid"])


@_formats.checks("date-time", ValueError)
def _moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def problems(schema: Json, value: Any, document: Json = DOCUMENT) -> list[str]:
    """What is wrong with a value, by a schema of the document; nothing where it is right."""
    whole = schema | {"components": document["components"]}
    found = Draft202012Validator(whole, format_checker=_formats).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def message_of(topic: str, document: Json = DOCUMENT) -> Json:
    """The one message of a topic of the platform."""
    (channel,) = [channel for channel in document["channels"].values() if channel["address"] == topic]
    (message,) = channel["messages"].values()
    found: Json = document["components"]["messages"][message["$ref"].rpartition("/")[2]]
    return found


def closed(value: Any) -> Any:
    """The document with every object closed: no field but those that are described."""
    if isinstance(value, dict):
        made = {key: closed(member) for key, member in value.items()}
        if value.get("type") == "object" and "properties" in value:
            made.setdefault("additionalProperties", False)
        return made
    return [closed(member) for member in value] if isinstance(value, list) else value


CLOSED: Json = DOCUMENT | {"components": closed(DOCUMENT["components"])}


def output_problems(topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> list[str]:
    """What is wrong with a message that Rollcall wrote, fields that nobody described among it."""
    message = message_of(topic, CLOSED)
    told = {name: None if content is None else content.decode() for name, content in headers}
    found = problems(message["headers"], told, CLOSED)
    if message["contentType"] == "application/json":
        assert value is not None
        found += problems(message["payload"], json.loads(value), CLOSED)
    return found
