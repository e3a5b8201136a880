"""``traceparent``, as the W3C's Trace Context has it: which trace a message belongs to.

It is metadata: one that is not well formed is ignored, and is never a reason to refuse a message.
"""

import re
from typing import Any, NamedTuple

import msgspec

# Version, trace id, span id and flags. Version 00 ends there; a later one may go on behind a further hyphen.
_TRACEPARENT = re.compile(r"(00|(?!ff)[0-9a-f]{2}(?=.{53}(?:-|$)))-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(.*)")
_SAMPLED = 0x01


class Trace(NamedTuple):
    """The trace and the span in it that sent a message, in hexadecimal; ``flags`` as they were sent."""

    trace_id: str
    span_id: str
    flags: int

    @property
    def sampled(self) -> bool:
        """Whether the sender kept its span."""
        return bool(self.flags & _SAMPLED)


class _Envelope(msgspec.Struct):
    metadata: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Envelope)


def parse(traceparent: str | None) -> Trace | None:
    """The parsed trace, or None where it is not well formed."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return Trace(trace_id, span_id, int(flags, 16))


def of_message(value: bytes | None) -> Trace | None:
    """That of an envelope. Whatever the bytes are: never raises."""
    if not value:
        return None
    try:
        found = (_decoder.decode(value).metadata or {}).get("traceparent")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return parse(found) if isinstance(found, str) else None


def fields(trace: Trace | None) -> dict[str, str]:
    """What a line of the log says of it, by the names that OpenTelemetry gives them; nothing where there is none."""
    return {} if trace is None else {"trace_id": trace.trace_id, "span_id": trace.span_id}
