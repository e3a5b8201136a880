"""Is what a contestant said right? Read after it was measured, so that nobody is measured while wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.process import ContestantError
from bench.topics import EXCESS, READY, SLOT_ASSIGNED
from bench.workload import Expected, essay_id, text_id

_SHOWN = 5
_FETCH_BYTES = 16 * 1024 * 1024


class _Pair(msgspec.Struct, frozen=True, gc=False):
    essay_id: str
    text_storage_id: str


class _Slot(msgspec.Struct, gc=False):
    batch_id: str
    essay_id: str
    text_storage_id: str


class _Ready(msgspec.Struct, gc=False):
    batch_id: str
    ready_essays: list[_Pair]


class _SlotEvent(msgspec.Struct, gc=False):
    data: _Slot


class _ReadyEvent(msgspec.Struct, gc=False):
    data: _Ready


@dataclass
class Outputs:
    """What was said of each batch, and how often something was said again."""

    slots: dict[str, dict[str, str]] = field(default_factory=dict)
    ready: dict[str, dict[str, str]] = field(default_factory=dict)
    excess: int = 0
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)

    def slot(self, value: bytes) -> None:
        """Take in a slot event."""
        event = _slot_decoder.decode(value).data
        batch = self.slots.setdefault(event.batch_id, {})
        if (before := batch.setdefault(event.essay_id, event.text_storage_id)) is not event.text_storage_id:
            self.repeats += 1
            if before != event.text_storage_id:
                self.wrong.append(f"{event.essay_id} has two texts")

    def batch_ready(self, value: bytes) -> None:
        """Take in a ready event."""
        event = _ready_decoder.decode(value).data
        pairs = {pair.essay_id: pair.text_storage_id for pair in event.ready_essays}
        if len(pairs) != len(event.ready_essays):
            self.wrong.append(f"batch {event.batch_id} is ready with an essay twice")
        if event.batch_id in self.ready:
            self.repeats += 1
            if self.ready[event.batch_id] != pairs:
                self.wrong.append(f"batch {event.batch_id} is ready twice, differently")
        self.ready[event.batch_id] = pairs

    def judge(self, expected: Mapping[str, Expected]) -> list[str]:
        """What is wrong, in words; empty if all is right."""
        wrong = list(self.wrong)
        if self.excess:
            wrong.append(f"{self.excess} contents were called excess; none is")
        wrong += [f"batch {batch} was never sent" for batch in self.slots.keys() - expected.keys()]
        for batch, (slots, filled) in expected.items():
            assigned = self.slots.get(batch, {})
            # Contents lie in several partitions, so which of them gets which slot is open; the first slots are taken,
            # each once, by the texts that came.
            if set(assigned) != {essay_id(batch, slot) for slot in range(filled)}:
                wrong.append(
                    f"batch {batch}: {len(assigned)} slots of {filled} were assigned, or others than the first"
                )
            elif set(assigned.values()) != {text_id(batch, place) for place in range(filled)}:
                wrong.append(f"batch {batch}: texts are missing, or in two slots")
            if (slots == filled > 0) != (batch in self.ready):
                wrong.append(f"batch {batch}: ready {'is missing' if slots == filled else 'came too early'}")
            elif batch in self.ready and self.ready[batch] != assigned:
                wrong.append(f"batch {batch}: ready says other pairs than the slot events")
        return wrong


_slot_decoder = msgspec.json.Decoder(_SlotEvent)
_ready_decoder = msgspec.json.Decoder(_ReadyEvent)


async def check(bootstrap: str, partitions: int, expected: Mapping[str, Expected]) -> int:
    """Read all outputs, read committed, and judge them; returns how many were said more than once.

    Raises ContestantError with the first faults.
    """
    outputs = await read(bootstrap, partitions)
    if wrong := outputs.judge(expected):
        more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        message = "its outputs are wrong:\n  " + "\n  ".join(wrong[:_SHOWN]) + more
        raise ContestantError(message)
    return outputs.repeats


async def read(bootstrap: str, partitions: int) -> Outputs:
    """Everything that was said."""
    outputs = Outputs()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for topic in (SLOT_ASSIGNED, READY, EXCESS) for n in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        left = {place for place in places if ends[place] > 0}
        while left:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if place.topic == SLOT_ASSIGNED:
                        outputs.slot(record.value)
                    elif place.topic == READY:
                        outputs.batch_ready(record.value)
                    else:
                        outputs.excess += 1
            for place in tuple(left):
                # The position passes commit markers, which take an offset and are never delivered.
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
    finally:
        await consumer.stop()
    return outputs
