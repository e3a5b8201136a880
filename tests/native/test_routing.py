"""Inputs re-keyed natively: the log's records are the twin's, whatever the bytes are."""

from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import agents.bulk
from agents import rekey
from agents.bulk import NativeAgents
from agents.rekey import Rekey
from app import native
from app.engine.kafka.partitioner import partition_for
from tests.core.examples import examples
from tests.native.envelopes import ANY, envelopes, mutated
from tests.oracle import topics
from tests.support.indexed import indexed, rows

TOPIC_ID = "12345678-9abc-4def-8123-456789abcdef"
LARGE = 600


@dataclass
class Sent:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 1
    headers: tuple[tuple[str, bytes | None], ...] = (("their", b"own"),)


VALUES = st.none() | ANY | envelopes(topics.REGISTERED) | mutated(topics.REGISTERED)
SENT = st.lists(st.tuples(st.none() | st.binary(max_size=5), VALUES), max_size=6)


@examples(200)
@example(
    sent=[(None, b'{"data":{"entity_id":"a"},"data":{"batch_id":"b"}}')],
    known=False,
    partitions=8,
    topic=topics.CONTENT,
)
@given(SENT, st.booleans(), st.integers(1, 8), st.sampled_from(topics.INPUTS))
def test_the_log_gets_the_records_that_the_twin_makes(
    sent: list[tuple[bytes | None, bytes | None]], known: object, partitions: int, topic: str
) -> None:
    records = [Sent(7 + 2 * number, *parts) for number, parts in enumerate(sent)]
    with mock.patch.object(rekey, "LARGE", LARGE), mock.patch.object(agents.bulk, "LARGE", LARGE):
        router = Rekey(partitions, partition_for, lambda _key, value: len(value or b"") < 2 * LARGE)
        if known:
            router.identify({topic: TOPIC_ID})
        batches = native.rust().Batches(partitions, 700)
        if records:
            assert NativeAgents(router, LARGE).route(topic, 3, indexed(records), batches, 9)
        expected: dict[int, list[object]] = {}
        for partition, key, value, headers in router.route(topic, 3, records):
            expected.setdefault(partition, []).append((key, value, headers))
    found: dict[int, list[object]] = {}
    for partition, _, batch in batches.finish():
        read = rows(batch.seal(-1, -1, -1, 0))
        found.setdefault(partition, []).extend((record.key, record.value, [*record.headers]) for record in read)
    assert found == expected


def test_records_that_are_not_indexed_are_left_to_the_router() -> None:
    batches = native.rust().Batches(1, 700)
    assert not NativeAgents(Rekey(1, partition_for), LARGE).route(topics.CONTENT, 0, [Sent(0, None, None)], batches, 9)
    assert batches.finish() == []


@pytest.mark.parametrize("length", range(12))
def test_a_key_is_put_where_kafkas_own_clients_put_it(length: int) -> None:
    batches = native.rust().Batches(97, 1_000_000)
    keys = [bytes([number * 37 % 256] * length) for number in range(256)]
    for key in keys:
        batches.add(None, key, b"", [], 0)
    found = {record.key: partition for partition, _, batch in batches.finish() for record in rows(sealed(batch))}
    assert found == {key: partition_for(key, 97) for key in keys}


def sealed(batch: Any) -> bytes:
    return bytes(batch.seal(-1, -1, -1, 0))
