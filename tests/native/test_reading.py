"""A chunk read natively: what is read of a record is what the twin reads, or nothing."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import names
from app.wire import chunk, native_reading
from app.wire.chunk import Chunk
from app.wire.record import source_header
from tests.core.examples import examples
from tests.native.envelopes import ANY, envelopes
from tests.oracle import topics
from tests.support.events import content, encode
from tests.support.indexed import indexed

LARGEST = 100_000


@dataclass
class Sent:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    key: bytes | None = None
    timestamp: int = 1_772_442_000_000


def header(topic: str = topics.CONTENT, offset: int = 5) -> tuple[str, bytes]:
    return "s", source_header(names.INPUTS.index(topic), 2, offset)


HEADERS = st.lists(
    st.sampled_from([
        header(), header(topics.FAILED), header(offset=2**64 - 1), ("s", b"\x03" + bytes(12)), ("s", b"short"),
        ("s", None),
        ("g", b"1234"), ("g", b"12345"), ("g", None), ("k", b"key"), ("t", b""), ("é", b""),
    ]),
    max_size=4,
)  # fmt: skip


def read_both(records: list[Sent], largest: int = LARGEST) -> tuple[Chunk, Chunk]:
    ahead = indexed(records)
    native_reading.read_ahead(ahead, largest)
    found = native_reading.read(ahead, largest)
    assert found == native_reading.read(ahead, largest) == native_reading.read(indexed(records), largest)
    return found, chunk.read(records, largest)


def agree(records: list[Sent], largest: int = LARGEST) -> int:
    """Hold one reading against the other; how many contents were read natively."""
    found, twin = read_both(records, largest)
    assert (found.at, found.time) == (twin.at, twin.time)
    contents = 0
    for number, read in enumerate(found.content):
        if read is not None:
            contents += 1
            assert read == twin.content[number]
            assert found.position(number) == twin.position(number)
            assert found.batch_ids[found.batch[number]] == twin.batch_ids[twin.batch[number]]
            assert found.places[found.place[number]] == twin.places[twin.place[number]]
        else:
            assert (found.batch[number], found.place[number], found.offset[number]) == (chunk.NONE,) * 3
    return contents


@examples(300)
@given(ANY)
def test_what_is_read_natively_is_what_the_twin_reads(value: bytes) -> None:
    agree([Sent(0, value, [header()])])


@examples(60)
@given(st.lists(st.tuples(st.none() | envelopes(), HEADERS), max_size=6), st.integers(100, 1000))
def test_headers_sizes_and_the_numbers_of_batches_are_read_alike(
    sent: list[tuple[bytes | None, list[tuple[str, bytes | None]]]], largest: int
) -> None:
    agree([Sent(3 * number, value, headers) for number, (value, headers) in enumerate(sent)], largest)


def test_the_platforms_own_messages_are_read_natively() -> None:
    sent = [encode(content(f"batch-{number % 3}", f"upload-{number}", f"text-{number}")) for number in range(12)]
    records = [Sent(number, value, [header(offset=number)]) for number, value in enumerate(sent)]
    assert agree(records) >= 6  # the others are older producers' ways: another zone, nested metadata


def test_a_content_of_the_benchmark_is_read_natively() -> None:
    from bench.workload import CONTENT, Part  # noqa: PLC0415 - it is no part of the product

    values = [event.value for event in Part.of_events("native", 60, 4).events() if event.topic == CONTENT]
    assert agree([Sent(number, value, [header()]) for number, value in enumerate(values)]) == len(values)


FORMS: list[object] = [
    "ABCDEF00-0000-4000-8000-000000000000", "00000000000040008000000000000000", "2026-03-02T08:00:00+01:00",
    "2026-03-02T08:00:00.1234567Z", "2026-03-02t08:00:00z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "", "x" * 1001,
    "é" * 600, "a\u0000b", 'a"b', "\u2028", None, 0, 1.5, 2**63, [], {}, {"traceparent": "é" * 900}, {"traceparent": 7},
]  # fmt: skip


def test_every_form_of_a_value_in_every_field_is_read_alike_or_left() -> None:
    good = content("batch-1", "upload", "text")
    good["event_timestamp"] = good["data"]["timestamp"] = "2026-03-02T08:00:00Z"
    good["metadata"] = None
    places = [(good, name) for name in good] + [(good["data"], name) for name in [*good["data"], "batch_id"]]
    records: list[Sent] = []
    for target, name in places:
        for form in FORMS:
            before = dict(target)
            target[name] = form
            records.append(Sent(len(records), encode(good), [header(offset=len(records))]))
            target.clear()
            target.update(before)
    assert agree(records) > len(places)


NUMBERS = [
    "", "-", "0", "-0", "00", "01", "-01", "1", "-7", "+7", "1.", "1.5", "1e2", "0x1", "9" * 18, "9" * 19,
    str(2**64 + 1),
]  # fmt: skip


@pytest.mark.parametrize("field", ["schema_version", "file_size_bytes", "unknown"])
def test_a_number_is_read_alike_or_left_however_it_is_written(field: str) -> None:
    good = content("batch-1", "upload", "text")
    good["event_timestamp"] = good["data"]["timestamp"] = "2026-03-02T08:00:00Z"
    good["metadata"] = None
    (good if field in good else good["data"])[field] = "<number>"
    values = [encode(good).replace(b'"<number>"', number.encode()) for number in NUMBERS]
    assert agree([Sent(number, value, [header()]) for number, value in enumerate(values)])
