"""What is JSON and what is not, wherever it stands in a message."""

from typing import Any

import pytest

from app.wire.decode import decode
from tests.oracle import topics
from tests.support.events import encode
from tests.wire.test_decode import MAX_BYTES, good
from tests.wire.test_rejected import refused


def injected(text: bytes, topic: str = topics.CONTENT) -> bytes:
    """Return a good message with an unknown field of this JSON text."""
    return encode(good(topic))[:-1] + b',"unknown":' + text + b"}"


@pytest.mark.parametrize(
    "text",
    [
        b"NaN", b"Infinity", b"-Infinity", b"nul", b"01", b"1.", b".5", b"+1", b"-", b"1e", b"[1,]",
        b'{"a":1,}', b"'a'",
        b'"\\q"', b'"\\u12"', b'"a\x01b"', b'"a\nb"', b'{"a" 1}', b"{1:2}", b"[1 2]", b"1]", b'"', b"/* */1", b"",
        b'"\\ud800"', b'"\\udc00\\ud800"', b'{"\\ud800":1}', b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\x80"',
        b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 100_000,
    ],
    ids=lambda text: repr(text[:12]) + str(len(text)),
)  # fmt: skip
@pytest.mark.parametrize("topic", topics.INPUTS)
def test_what_is_not_json_is_malformed_wherever_it_stands(topic: str, text: bytes) -> None:
    """Also in fields that nobody reads: a pending message may be passed on whole."""
    assert refused(topic, injected(text, topic)).reason == "malformed"


@pytest.mark.parametrize(
    "text", [b"1e999", b"9" * 400, b"-0", b"1e-999", b'"\\u0000"', b'"\\ud83d\\ude00"', b"[" * 200 + b"]" * 200]
)
def test_json_that_is_odd_is_json(text: bytes) -> None:
    assert decode(topics.CONTENT, injected(text), MAX_BYTES).batch_id == "b"


@pytest.mark.parametrize(
    "change",
    [
        lambda good: b"\xef\xbb\xbf" + good,
        lambda good: good.decode().encode("utf-16"),
        lambda good: good + b"x",
        lambda good: good + good,
    ],
)
def test_a_byte_order_mark_another_encoding_or_something_behind_it_is_malformed(change: Any) -> None:
    assert refused(topics.CONTENT, change(encode(good(topics.CONTENT)))).reason == "malformed"


def test_white_space_around_a_message_is_json() -> None:
    assert decode(topics.CONTENT, b" \r\n\t" + encode(good(topics.CONTENT)) + b"\n", MAX_BYTES).batch_id == "b"


@pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
def test_a_number_that_can_not_be_passed_on_is_refused(number: bytes) -> None:
    for event in (
        good(topics.REGISTERED, student_prompt_ref={"n": "?"}),
        good(topics.FAILED, validation_error_detail={"details": {"n": "?"}}),
    ):
        topic, raw = event["event_type"], encode(event).replace(b'"?"', number)
        assert refused(topic, raw).reason in {"malformed", "invalid_field"}
