"""Outputs written natively: byte for byte what the twin writes, in the partition that it writes them to."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app import native
from app.core.events import Content
from app.core.messages import Assigned
from app.core.outputs import in_full
from app.engine.kafka.partitioner import partition_for
from app.wire import native_writing
from app.wire.encode import encode
from tests.core.examples import examples
from tests.support.indexed import rows

TEXT = st.text(max_size=12) | st.text(st.sampled_from('a"\\\x00\x08\t\n\x0c\r\x1f\x7fé\u2028💥'), max_size=8)
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999
ASSIGNED = st.builds(
    Assigned,
    TEXT,
    TEXT,
    st.builds(Content, TEXT, TEXT, TEXT, TEXT, st.integers(FIRST, LAST), st.none() | TEXT),
)
EMITTED = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@examples(150)
@given(st.lists(ASSIGNED, max_size=5), EMITTED, TEXT, st.integers(1, 40), st.sampled_from([200, 1_000_000]))
def test_an_output_is_written_as_the_twin_writes_it(
    outputs: list[Assigned], emitted: datetime, service: str, partitions: int, limit: int
) -> None:
    batches = native.rust().Batches(partitions, limit)
    native_writing.write(outputs, emitted, service, batches, 1_000)
    found: dict[int, list[object]] = {}
    for partition, count, batch in batches.finish():
        records = rows(batch.seal(7, 1, 3, 0))
        assert len(records) == count
        assert all(record.timestamp == 1_000 for record in records)
        found.setdefault(partition, []).extend((record.key, record.value, [*record.headers]) for record in records)
    expected: dict[int, list[object]] = {}
    for output in outputs:
        message = in_full(output)
        value, headers = encode(message, emitted, service)
        key = message.key.encode()
        expected.setdefault(partition_for(key, partitions), []).append((key, value, headers))
    assert found == expected


def test_every_field_of_an_output_varies_by_a_slot_of_its_own() -> None:
    (before, _), names = native_writing.pieces("<trace>")
    slots = {slot for _, slot in before}
    assert slots == set(range(len(native_writing.SLOTS)))
    assert names == (b"event_id", b"event_type", b"correlation_id")
