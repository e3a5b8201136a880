"""The whole document."""

from typing import Any

from app.asyncapi.catalogue import INPUTS, OUTPUTS, Entry
from app.asyncapi.examples import Example, examples
from app.asyncapi.schemas import REF, Json, schemas
from app.core import names
from app.engine.topics.ensure import Plan, changelog_topic, log_topic, plans
from app.settings import Settings
from app.topology import TOPICS
from app.wire import dead_letter

_BINDING = "0.5.0"

_TEXT: Json = {"type": "string"}
_UUID: Json = {"type": "string", "format": "uuid"}
_BYTES: Json = {"type": "string", "contentEncoding": "base64"}

_OUTPUT_HEADERS: Json = {
    "type": "object",
    "required": ["event_id", "event_type", "correlation_id"],
    "properties": {
        "event_id": _UUID | {"description": "Of the envelope; consumers tell repeats by it."},
        "event_type": _TEXT | {"description": "The topic."},
        "correlation_id": _UUID | {"description": "Of the envelope."},
    },
}

_LETTER_HEADERS: Json = {
    "type": "object",
    "required": [
        f"rollcall.{name}" for name in ("reason", "detail", "source.topic", "source.partition", "source.offset")
    ],
    "properties": {
        dead_letter.REASON: _TEXT | {"description": "A word, such as malformed or registration_conflict."},
        dead_letter.DETAIL: _TEXT | {"description": "What exactly, for a person."},
        dead_letter.SOURCE_TOPIC: _TEXT | {"description": "Where the original is."},
        dead_letter.SOURCE_PARTITION: {"type": "string", "pattern": "^[0-9]+$"},
        dead_letter.SOURCE_OFFSET: {"type": "string", "pattern": "^[0-9]+$"},
    },
}

# Binary; the examples and schemas show Base 64. A record is known by which of these headers it has.
_LOG_HEADERS: dict[str, Json] = {
    "input": {
        "type": "object",
        "required": ["s"],
        "properties": {
            "s": _BYTES | {"description": "Where the input was: topic code (1 byte), partition (4), offset (8)."},
            "g": _BYTES
            | {"description": "Of which topic of this name: the first 4 bytes of its id; absent if unknown."},
            "k": _BYTES | {"description": "The input's own key; absent where it had none."},
            "x": _BYTES
            | {"description": "Only of a value that the log can't hold and is left out: size (8 bytes), SHA-256 (32)."},
        },
    },
    "tick": {"type": "object", "required": ["t"], "properties": {"t": _BYTES | {"description": "Empty."}}},
    "act": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": _BYTES | {"description": "The version of the value's form."}},
    },
}

_DESCRIPTION = """Rollcall joins the registrations of essay batches with the contents that are uploaded for them,
whatever the order of arrival, and says when a batch is ready. Every output is said at least once; repeats carry the
same event_id and, byte for byte, the same data. With ROLLCALL_PROCESSING_GUARANTEE=exactly_once a read-committed
consumer sees no repeats but the answers to repeated inputs. Partition counts and replication are those of the default
settings; existing input topics may have any."""


def document() -> Json:
    """The AsyncAPI document, of the default settings. The same code makes the same document, to the byte."""
    # Defaults alone, whatever the environment says: this is what is checked in.
    settings = Settings.model_construct()
    examples_of = _by_topic(examples(log_topic(settings)))
    channels: Json = {}
    messages: Json = {}
    operations: Json = {}
    planned = plans(settings, TOPICS)
    for topic, entry in (INPUTS | OUTPUTS).items():
        given = topic in INPUTS
        messages[entry.message] = _message(topic, entry, examples_of.get(topic, []), given=given)
        channels[entry.message] = _channel(topic, planned[topic], {entry.message: entry.message}, entry.summary)
        verb = "receive" if given else "send"
        operations[f"{verb}{entry.message}"] = _operation(verb, entry.message, settings)
    for channel, (topic, about, held) in _internal(settings, examples_of).items():
        messages |= held
        address = topic.replace(settings.app_id, "{appId}", 1)
        described = _channel(address, planned[topic], {name: name for name in held}, about)
        if channel != "DeadLetter":
            described["parameters"] = {"appId": {"default": settings.app_id, "description": "ROLLCALL_APP_ID"}}
        channels[channel] = described
        operations[f"send{channel}"] = _operation("send", channel, settings)
        if channel != "DeadLetter":
            operations[f"receive{channel}"] = _operation("receive", channel, settings)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall",
            "version": "1",  # of the events, as the topics' names have it
            "description": " ".join(_DESCRIPTION.split()),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(settings),
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas(), "securitySchemes": _SECURITY},
    }


_SECURITY: Json = {
    "plain": {"type": "plain", "description": "ROLLCALL_SASL_MECHANISM=PLAIN"},
    "scramSha256": {"type": "scramSha256", "description": "ROLLCALL_SASL_MECHANISM=SCRAM-SHA-256"},
    "scramSha512": {"type": "scramSha512", "description": "ROLLCALL_SASL_MECHANISM=SCRAM-SHA-512"},
    "certificate": {"type": "X509", "description": "ROLLCALL_SSL_CERTFILE and ROLLCALL_SSL_KEYFILE"},
}


def _servers(settings: Settings) -> Json:
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY]
    return {
        "plain": {
            "host": settings.broker,
            "protocol": "kafka",
            "description": "ROLLCALL_BROKER, with ROLLCALL_SECURITY_PROTOCOL=PLAINTEXT.",
        },
        "secure": {
            "host": settings.broker,
            "protocol": "kafka-secure",
            "description": "ROLLCALL_BROKER, with ROLLCALL_SECURITY_PROTOCOL=SSL or SASL_SSL: one of these.",
            "security": security,
        },
    }


def _channel(address: str, plan: Plan, messages: dict[str, str], about: str) -> Json:
    config: Json = {"cleanup.policy": [plan.config.get("cleanup.policy", "delete")]}
    for name, value in plan.config.items():
        if name != "cleanup.policy":
            config[name] = int(value) if value.removeprefix("-").isdigit() else value
    return {
        "address": address,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{target}"} for name, target in messages.items()},
        "bindings": {
            "kafka": {
                "partitions": plan.partitions,
                "replicas": Settings.model_construct().replication_factor,
                "topicConfiguration": config,
                "bindingVersion": _BINDING,
            }
        },
    }


def _operation(verb: str, channel: str, settings: Settings) -> Json:
    operation: Json = {"action": verb, "channel": {"$ref": f"#/channels/{channel}"}}
    client: Json = {"clientId": {"const": settings.app_id, "description": "ROLLCALL_APP_ID"}}
    if verb == "receive" and channel != "Changelog":  # a changelog is read without a group
        client["groupId"] = {"const": settings.app_id, "description": "ROLLCALL_APP_ID"}
    return operation | {"bindings": {"kafka": client | {"bindingVersion": _BINDING}}}


def _message(topic: str, entry: Entry, examples: list[Example], *, given: bool) -> Json:
    message: Json = {
        "name": entry.message,
        "title": entry.message,
        "summary": entry.summary,
        "contentType": "application/json",
        "payload": {"$ref": f"{REF}{entry.message}Envelope"},
        "correlationId": {"location": "$message.payload#/correlation_id"},
        "bindings": _key(entry.key),
        "examples": [_example(example) for example in examples],
    }
    if not given:
        message["headers"] = _OUTPUT_HEADERS
        message["description"] = f"Emitted on {topic}."
    return message


def _key(about: str) -> Json:
    return {"kafka": {"key": {"type": ["string", "null"], "description": about}, "bindingVersion": _BINDING}}


def _example(example: Example) -> Json:
    document: Json = {"name": example.name, "payload": example.value}
    return document | {"headers": example.headers} if example.headers else document


def _by_topic(found: list[Example]) -> dict[str, list[Example]]:
    result: dict[str, list[Example]] = {}
    for example in found:
        result.setdefault(example.topic, []).append(example)
    return result


def _internal(settings: Settings, examples: dict[str, list[Example]]) -> dict[str, tuple[str, str, Json]]:
    """Dead letters, and the topics that are Rollcall's alone: channel, topic, what it is, and its messages."""
    log, changelog = log_topic(settings), changelog_topic(settings)
    by_name = {example.name: example for example in examples[log]}
    payloads: dict[str, Any] = {
        "input": {"description": "The input's value, untouched: whatever it was, null included."},
        "tick": {"type": "null", "description": "Empty: the record's append time is what it says."},
        "act": {"$ref": f"{REF}OperatorAct"},
    }
    titles = {"input": "LogInput", "tick": "LogTick", "act": "LogAct"}
    keys = {"input": "The batch id; null where none can be read.", "tick": "Null.", "act": "The batch id."}
    records = {
        titles[name]: {
            "name": titles[name],
            "headers": _LOG_HEADERS[name],
            "payload": payload,
            "bindings": _key(keys[name]),
            "examples": [_example(by_name[name])],
        }
        for name, payload in payloads.items()
    }
    letter: Json = {
        "name": "DeadLetter",
        "summary": "A message that can't be used: its original key and bytes, and why.",
        "contentType": "application/octet-stream",
        "headers": _LETTER_HEADERS,
        "payload": {"description": "The original value, unchanged: whatever it was, null included."},
        "bindings": _key("The original key."),
        "examples": [_example(example) for example in examples[names.DEAD_LETTER]],
    }
    row: Json = {
        "name": "ChangelogRow",
        "summary": "A row of the tables; null deletes it. tables/ says what rows there are.",
        "contentType": "application/octet-stream",
        "payload": {"description": "MessagePack or bytes, by the first byte of the key."},
        "bindings": {"kafka": {"key": _BYTES | {"description": "The row's key."}, "bindingVersion": _BINDING}},
    }
    return {
        "DeadLetter": (names.DEAD_LETTER, "What can't be used, kept for ever.", {"DeadLetter": letter}),
        "Log": (
            log,
            "Rollcall's alone: every input re-keyed by batch id, ticks and operators' acts, in the order that decides.",
            records,
        ),
        "Changelog": (changelog, "Rollcall's alone: the tables, compacted.", {"ChangelogRow": row}),
    }
