"""Outputs in short, written out by the native part.

How an output looks is said by its models alone: Python writes an example, and the native part is handed the constant
pieces between its fields.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from app import native
from app.core.events import Content
from app.core.messages import Assigned
from app.core.names import SLOT_ASSIGNED
from app.core.outputs import in_full
from app.wire.encode import encode

if TYPE_CHECKING:
    from app.native import _native

#: What varies, in the order of ``native/src/outputs.rs``.
SLOTS: Final = (
    *("event_id", "emitted", "service", "correlation", "batch", "essay"),
    *("upload", "text", "name", "moment", "trace"),
)

#: So many are handed over in a piece: the buffer into which msgspec encodes grows by copying.
_AT_ONCE = 256

_EMITTED = datetime(2001, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
_MOMENT = 1_000_001  # microseconds

_messages = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()


def write(
    outputs: Sequence[Assigned], emitted_at: datetime, source_service: str, batches: "_native.Batches", time: int
) -> None:
    """Write outputs into the batches of their topic, as :func:`app.wire.encode.encode` writes each."""
    emitted, service = _json.encode(emitted_at)[1:-1], _json.encode(source_service)[1:-1]
    pieces = [_messages.encode(outputs[begin : begin + _AT_ONCE]) for begin in range(0, len(outputs), _AT_ONCE)]
    _writer().write(pieces, emitted, service, batches, time)


@cache
def _writer() -> "_native.Writer":
    (plain, names), (traced, _) = pieces(None), pieces("<trace>")
    writer: _native.Writer = native.rust().Writer(SLOT_ASSIGNED.encode(), names, plain, traced)
    return writer


def pieces(trace: str | None) -> "tuple[_native.Pieces, tuple[bytes, bytes, bytes]]":
    """An example of an output, cut at what varies; and the names of its headers. Raises ValueError where they are
    others.
    """
    content = Content("<upload>", "<text>", "<name>", "<correlation>", _MOMENT, trace)
    message = in_full(Assigned("<batch>", "<essay>", content))
    value, headers = encode(message, _EMITTED, "<service>")
    event_id, topic, correlation = headers
    if (event_id[1], topic[1], correlation[1]) != (message.event_id.encode(), SLOT_ASSIGNED.encode(), b"<correlation>"):
        raise ValueError(headers)
    known = {f"<{slot}>": number for number, slot in enumerate(SLOTS)}
    known[message.event_id] = SLOTS.index("event_id")
    known[_json.encode(_EMITTED)[1:-1].decode()] = SLOTS.index("emitted")
    known["1970-01-01T00:00:01.000001Z"] = SLOTS.index("moment")
    cut = re.split(f"({'|'.join(map(re.escape, known))})", value.decode())
    before = [(piece.encode(), known[slot]) for piece, slot in zip(cut[:-1:2], cut[1::2], strict=True)]
    return (before, cut[-1].encode()), (event_id[0].encode(), topic[0].encode(), correlation[0].encode())
