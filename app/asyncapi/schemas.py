"""JSON Schema of the models, and what the models can't say: that is written here, and a test holds it to the code."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect as types

from app.asyncapi.catalogue import INPUTS, OUTPUTS
from app.wire import acts, schema
from app.wire.decode import SCHEMA_VERSION
from app.wire.encode import OutputEnvelope

Json = dict[str, Any]

REF = "#/components/schemas/"

_UUID: Json = {"type": "string", "format": "uuid"}
_NULLABLE_OBJECT: Json = {"anyOf": [{"type": "object"}, {"type": "null"}]}

#: Fields that hold JSON as it came, by model: the model says nothing of them.
_AS_IT_CAME: dict[str, dict[str, Json]] = {
    "BatchEssaysReady": {"student_prompt_ref": _NULLABLE_OBJECT},
    "FailedEssay": {
        "error_detail": {
            "type": "object",
            "description": "The upload's own; what it lacked is filled in.",
            "required": ["error_code", "message", "correlation_id", "timestamp", "service", "operation", "details"],
        }
    },
    "PendingContentExpired": {
        "original": {
            "description": "The whole message, as it was on `original_topic`.",
            "anyOf": [
                {"$ref": f"{REF}EssayContentProvisionedV1Envelope"},
                {"$ref": f"{REF}EssayValidationFailedV1Envelope"},
            ],
        }
    },
}


def schemas() -> Json:
    """All of ``components.schemas``: an envelope for each topic, and what is in it."""
    sent = [entry.model for entry in OUTPUTS.values()]
    envelopes: list[Any] = [schema.Envelope[entry.model] for entry in INPUTS.values()]  # type: ignore[name-defined]
    roots = [*envelopes, *sent, OutputEnvelope, acts.AnyRecord]
    refs, found = msgspec.json.schema_components(roots, ref_template=f"{REF}{{name}}")
    envelope = found.pop("OutputEnvelope")
    result: Json = {}
    for (topic, entry), ref in zip(INPUTS.items(), refs, strict=False):
        received = found.pop(ref["$ref"].removeprefix(REF))
        result[f"{entry.message}Envelope"] = _received(received, topic, entry.model)
    for topic, entry in OUTPUTS.items():
        result[f"{entry.message}Envelope"] = _sent_envelope(envelope, topic, entry.model)
    for model in _structs(sent):
        _sent(found[model.__name__], model)
    for entry in INPUTS.values():
        _read(found[entry.model.__name__], entry.model)
    result["OperatorAct"] = refs[-1] | {
        "description": "What an operator does to a batch.",
        "discriminator": "act",  # AsyncAPI has the name alone
    }
    result |= {name.removeprefix("_"): component for name, component in found.items()}
    tidied: Json = _tidied(result)
    return tidied


def _received(envelope: Json, topic: str, model: type[msgspec.Struct]) -> Json:
    """An input's envelope: what decoding asks for beyond the types."""
    properties = envelope["properties"] | {
        "event_type": {"type": "string", "const": topic},
        "schema_version": {"type": "integer", "const": SCHEMA_VERSION},
        "event_timestamp": _moment(envelope["properties"]["event_timestamp"]),
    }
    required = envelope["required"]
    if model is schema.RegisteredData:  # the others may have it in their data
        properties["correlation_id"] = _UUID
        required = [*required, "correlation_id"]
    return envelope | {"title": f"{topic} as it is read", "properties": properties, "required": required}


def _read(found: Json, model: type[msgspec.Struct]) -> None:
    found["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in ("entity_id", "batch_id")
    ]
    found["description"] = f"{found['description']} Unknown fields are ignored. The batch id is entity_id or batch_id."
    if "essay_ids" in found["properties"]:
        found["properties"]["essay_ids"] |= {"minItems": 1, "uniqueItems": True}
    for field in _fields(model):
        if isinstance(field.type, types.DateTimeType):
            found["properties"][field.name] = _moment(found["properties"][field.name])


def _moment(found: Json) -> Json:
    return found | {"description": "ISO 8601; a moment without an offset is taken for UTC."}


def _sent_envelope(envelope: Json, topic: str, model: type[msgspec.Struct]) -> Json:
    properties = envelope["properties"] | {
        "event_id": _UUID | {"description": "A UUIDv5 of topic and business key: repeats carry the same one."},
        "event_type": {"type": "string", "const": topic},
        "event_timestamp": {"type": "string", "format": "date-time", "description": "The time of emission."},
        "schema_version": {"type": "integer", "const": SCHEMA_VERSION},
        "correlation_id": _UUID,
        "data": {"$ref": f"{REF}{model.__name__}"},
    }
    return envelope | {"title": f"{topic} as it is written", "properties": properties}


def _sent(found: Json, model: type[msgspec.Struct]) -> None:
    """A model that is written: each field is there, but those that can be left out."""
    properties = found["properties"]
    found["required"] = [field.encode_name for field in _fields(model) if not _optional(field)]
    for field in _fields(model):
        if field.name == "event" and isinstance(field.default, str):
            properties[field.name] = {"type": "string", "const": field.default}
        elif isinstance(field.type, types.DateTimeType):
            properties[field.name] = {"type": "string", "format": "date-time"}
        elif field.name in _AS_IT_CAME.get(model.__name__, {}):
            properties[field.name] = _AS_IT_CAME[model.__name__][field.name]
        elif _raw(field.type):
            message = f"{model.__name__}.{field.name} is JSON as it came: say what it is"
            raise TypeError(message)


def _optional(field: types.Field) -> bool:
    """Whether it is left out where it is unset: it has a default that is no value."""
    return not field.required and field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT


def _raw(kind: types.Type) -> bool:
    parts = kind.types if isinstance(kind, types.UnionType) else (kind,)
    return any(isinstance(part, types.RawType) for part in parts)


def _fields(model: type[msgspec.Struct]) -> tuple[types.Field, ...]:
    found = types.type_info(model)
    if not isinstance(found, types.StructType):
        message = f"{model} is not a struct"
        raise TypeError(message)
    return found.fields


def _structs(models: Iterable[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    """The models and those inside them."""
    found: dict[type[msgspec.Struct], None] = {}
    left = list(models)
    while left:
        model = left.pop()
        if model not in found:
            found[model] = None
            for field in _fields(model):
                inner = field.type.item_type if isinstance(field.type, types.ListType) else field.type
                if isinstance(inner, types.StructType):
                    left.append(inner.cls)
    return list(found)


def _tidied(value: Any) -> Any:
    """Docstrings as running text, and references by the public names."""
    if isinstance(value, dict):
        tidied = {key: _tidied(member) for key, member in value.items()}
        if isinstance(tidied.get("description"), str):
            tidied["description"] = " ".join(inspect.cleandoc(tidied["description"]).replace("``", "`").split())
        if isinstance(tidied.get("title"), str):
            tidied["title"] = tidied["title"].removeprefix("_")
        if isinstance(tidied.get("$ref"), str):
            tidied["$ref"] = tidied["$ref"].replace(f"{REF}_", REF)
        return tidied
    if isinstance(value, list):
        return [_tidied(member) for member in value]
    return value
