"""The records of the internal log, and the headers of a dead letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import INPUTS, Source
from app.wire import dead_letter
from app.wire.record import is_tick, read_key, read_source, source_header
from tests.core.examples import examples


def test_a_dead_letter_says_why_and_where_its_input_stands() -> None:
    assert dead_letter.headers("malformed", "at byte 7: å", "topic", 2, 12_345_678_901) == [
        ("rollcall.reason", b"malformed"),
        ("rollcall.detail", "at byte 7: å".encode()),
        ("rollcall.source.topic", b"topic"),
        ("rollcall.source.partition", b"2"),
        ("rollcall.source.offset", b"12345678901"),
    ]


def test_a_detail_that_is_not_quite_text_is_written_all_the_same() -> None:
    assert dead_letter.headers("malformed", "\ud800", "t", 0, 0)[1] == ("rollcall.detail", b"?")


@examples(50)
@given(st.integers(0, 2), st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1))
def test_the_source_of_a_record_is_read_as_written(topic: int, partition: int, offset: int) -> None:
    header = source_header(topic, partition, offset)
    assert read_source([("x", b"1"), ("s", header)]) == Source(topic, partition, offset)


def test_a_source_header_of_another_form_is_none() -> None:
    for value in (
        None,
        b"",
        b"1",
        source_header(1, 2, 3) + b"x",
        source_header(len(INPUTS), 0, 0),
        source_header(255, 0, 0),
    ):
        assert read_source([("s", value)]) is None
    assert read_source([]) is None


def test_the_key_of_a_record_is_read_and_absent_is_null() -> None:
    assert read_key([("s", b"1"), ("k", b"key")]) == b"key"
    assert read_key([("k", b"")]) == b""
    assert read_key([("s", b"1")]) is None


def test_a_tick_is_told_by_its_header() -> None:
    assert is_tick([("t", b"")])
    assert not is_tick([("s", b"")])
    assert not is_tick([])


@given(st.text(), st.text(), st.text(min_size=1), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
def test_the_headers_of_a_dead_letter_are_read_as_they_were_written(
    reason: str, detail: str, topic: str, partition: int, offset: int
) -> None:
    written = dead_letter.headers(reason, detail, topic, partition, offset)
    assert dead_letter.read(written) == (reason, detail, (topic, partition, offset))


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "²", "9" * 5000])
def test_a_place_that_is_none_is_read_as_none(number: str) -> None:
    found = [
        (dead_letter.SOURCE_TOPIC, b"t"),
        (dead_letter.SOURCE_PARTITION, number.encode()),
        (dead_letter.SOURCE_OFFSET, b"1"),
    ]
    assert dead_letter.read([*found, ("other", None)]) == ("unknown", "", None)
