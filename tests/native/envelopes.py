"""Envelopes of contents, good ones and such as differ from a good one in every way that an envelope can."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.oracle import topics
from tests.support.events import Json, content, encode
from tests.support.malformed import good_event

TEXTS = (
    st.text(max_size=6)
    | st.text(st.sampled_from('ab"\\\n\x00é\u2028💥'), max_size=12)
    | st.sampled_from(["x" * 1000, "x" * 1001, "é" * 600, "", "\u0000", "a\u0000b"])
)
MOMENTS = st.sampled_from([
    "2026-03-02T08:00:00Z", "2026-03-02T08:00:00.1Z", "2026-03-02T08:00:00.123456Z", "2026-03-02T08:00:00.1234567Z",
    "2026-03-02T08:00:00+01:00", "2026-03-02T08:00:00", "2026-02-29T08:00:00Z", "2024-02-29T23:59:59Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-03-02 08:00:00Z", "2026-03-02t08:00:00z", "2026-03-02T24:00:00Z", "2026-03-02T08:00:60Z",
    "1969-12-31T23:59:59.5Z",
])  # fmt: skip
UUIDS = st.sampled_from([
    "00000000-0000-4000-8000-000000000000", "ABCDEF00-0000-4000-8000-000000000000", "00000000000040008000000000000000",
    "{00000000-0000-4000-8000-000000000000}", "no uuid", "g0000000-0000-4000-8000-000000000000",
])  # fmt: skip
OTHERS: st.SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -0.0, 1, -7, 1.5, 1e3, 10**18, 10**19, 2**63, -(2**63), [], {}, [1, {"a": [None]}],
    {"traceparent": "t"},
    {"traceparent": 7}, {"traceparent": "é" * 900}, {"a": 1}, "text", 2**70,
])  # fmt: skip
VALUES = TEXTS | MOMENTS | UUIDS | OTHERS


def _places(event: Json) -> list[tuple[str, ...]]:
    return [(name,) for name in event] + [("data", name) for name in event["data"]]


@st.composite
def envelopes(draw: st.DrawFn, topic: str = topics.CONTENT) -> bytes:
    """Draw an envelope: a good one, changed in up to three places, and written in one of several ways."""
    event: Json = good_event(topic, "native") if topic != topics.CONTENT else content("b", "upload", "text")
    if draw(st.booleans()):
        event["metadata"] = draw(st.sampled_from([None, {}, {"traceparent": "00-1-2-03"}, {"a": "b"}, {"a": 1}]))
    for _ in range(draw(st.integers(0, 3))):
        target: Any = event
        *path, name = draw(st.sampled_from([*_places(event), ("unknown",), ("data", "batch_id"), ("data", "unknown")]))
        for step in path:
            target = target[step]
        if draw(st.integers(0, 4)):
            target[name] = draw(VALUES)
        else:
            target.pop(name, None)
        if not isinstance(event.get("data"), dict):
            break
    written = draw(st.sampled_from(["compact", "spaced", "ascii"]))
    if written == "compact":
        return encode(event)
    return json.dumps(event, indent=1 if written == "spaced" else None, ensure_ascii=written == "ascii").encode()


@st.composite
def mutated(draw: st.DrawFn, topic: str = topics.CONTENT) -> bytes:
    """Draw an envelope, cut, spliced, or with bytes of it replaced."""
    value = bytearray(draw(envelopes(topic)))
    for _ in range(draw(st.integers(1, 3))):
        if not value:
            break
        at = draw(st.integers(0, len(value) - 1))
        kind = draw(st.sampled_from(["replace", "cut", "insert", "double"]))
        if kind == "replace":
            value[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del value[at : at + draw(st.integers(1, 9))]
        elif kind == "insert":
            value[at:at] = draw(st.binary(max_size=4) | st.sampled_from([b" ", b'"', b",", b"{", b"\\u0041"]))
        else:
            value[at:at] = value[at : at + draw(st.integers(1, 60))]
    return bytes(value)


#: Whatever a producer may send.
ANY = envelopes() | mutated() | st.binary(max_size=80)
