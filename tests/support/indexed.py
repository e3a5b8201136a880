"""Records as a worker gets them: an index into the bytes of record batches, where the native part is built."""

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app import native
from app.native.records import IndexedRecords

_OFFSET = struct.Struct(">q")


def fetched(records: Iterable[Any]) -> bytes:
    """Record batches as a broker sends them: one for each record, since any two offsets may be apart."""
    return b"".join(_batch(record) for record in records)


def _batch(record: Any) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 30)
    builder.append(0, record.timestamp, record.key, record.value, [*record.headers])
    return _OFFSET.pack(record.offset) + bytes(builder.build())[_OFFSET.size :]


def as_fetched(records: Sequence[Any]) -> Sequence[Any]:
    """The records as the worker that runs here gets them: indexed, or as they are where the Python twin runs."""
    return indexed(records) if native.AVAILABLE and records else records


def indexed(records: Sequence[Any]) -> IndexedRecords:
    """An index of records."""
    index = native.rust().Records.index(fetched(records))
    assert index is not None
    return IndexedRecords([index])


def rows(data: bytes) -> list[Any]:
    """The records of batches, as aiokafka reads them, their checksums checked."""
    found, batches = [], MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        found += list(batch)
    return found
