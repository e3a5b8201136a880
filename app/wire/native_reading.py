"""A chunk of the log, read by the native part where it can be; it leaves what is not plain as the twin would
(:mod:`app.wire.chunk`).

What it is told of the inputs, the fields of a content's envelope, is made of the models in :mod:`app.wire.schema`: a
field is said once. Where a model says something that the native reader does not know, that is a TypeError at the start.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import inspect

from app import native
from app.core.events import CONTENT, INPUTS, Content
from app.native.records import IndexedRecords
from app.wire import chunk
from app.wire.chunk import Chunk, LogRecord
from app.wire.decode import SCHEMA_VERSION
from app.wire.schema import LONGEST_ID, ContentData, Envelope

if TYPE_CHECKING:
    from app.native import _native

#: What is kept of a message, by the place of its field, in the order of ``native/src/envelope.rs``. The first three are
#: the strings of :class:`~app.core.events.Content`, in its order.
SLOTS: Final = (
    "data.file_upload_id",
    "data.text_storage_id",
    "data.original_file_name",
    "correlation_id",
    "data.correlation_id",
    "data.entity_id",
    "data.batch_id",
    "data.timestamp",
)

#: Fields that have one value alone in a plain message.
_CONSTANTS: Final[dict[str, tuple[str, object]]] = {
    "event_type": ("constant", CONTENT),
    "schema_version": ("exactly", SCHEMA_VERSION),
}

#: How a type is called natively, and what else is said of it.
_KINDS: Final[dict[type[inspect.Type], Callable[..., tuple[str, object]]]] = {
    inspect.UUIDType: lambda _: ("uuid", None),
    inspect.StrType: lambda text: ("text", (text.min_length or 0, text.max_length or 2**32)),
    inspect.DateTimeType: lambda _: ("moment", None),
    inspect.IntType: lambda _: ("integer", None),
    # The metadata: its trace is all that is read of it.
    inspect.DictType: lambda _: ("texts", LONGEST_ID),
}

_decoder = msgspec.msgpack.Decoder(Chunk)


def read_ahead(records: Sequence[LogRecord], largest: int) -> None:
    """Do the native part of :func:`read` for indexed records, which may then be called with the same ``largest``."""
    if isinstance(records, IndexedRecords):
        records.read = _reader().read(records.parts, largest)


def read(records: Sequence[LogRecord], largest: int) -> Chunk:
    """Read records, as :func:`app.wire.chunk.read` does, natively where they are indexed."""
    if not isinstance(records, IndexedRecords):
        return chunk.read(records, largest)
    ahead, records.read = records.read, None
    return _decoder.decode(ahead or _reader().read(records.parts, largest))


@cache
def _reader() -> "_native.Reader":
    tag = msgspec.inspect.type_info(Content).tag  # type: ignore[attr-defined] # it is a struct's
    envelope = list(fields(Envelope[ContentData]))
    reader: _native.Reader = native.rust().Reader(envelope, INPUTS.index(CONTENT), len(INPUTS), tag)
    return reader


def fields(model: object, within: str = "") -> "Iterator[_native.Field]":
    """The fields of a model, and of those within it, as the native part is told them. Raises TypeError for one that
    it does not know.
    """
    struct = inspect.type_info(model)
    if not isinstance(struct, inspect.StructType):
        raise TypeError(model)
    for field in struct.fields:
        place = within + field.encode_name
        kind, argument, nullable = _kind(place, field.type)
        slot = SLOTS.index(place) if place in SLOTS else None
        yield field.encode_name, kind, argument, nullable, field.required, slot


def _kind(place: str, model: inspect.Type) -> tuple[str, object, bool]:
    if isinstance(model, inspect.UnionType):
        others = [kind for kind in model.types if not isinstance(kind, inspect.NoneType)]
        if len(others) == 1 and len(model.types) == len(others) + 1:
            return *_kind(place, others[0])[:2], True
    if place in _CONSTANTS:
        return *_CONSTANTS[place], False
    if isinstance(model, inspect.StructType):
        return "object", list(fields(model.cls, f"{place}.")), False
    kind = _KINDS.get(type(model))
    if kind is None or getattr(model, "pattern", None):
        message = f"the native reader knows no {model} ({place})"
        raise TypeError(message)
    return *kind(model), False
