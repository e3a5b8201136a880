"""What is sent: batches of essays as the two services publish them, in an order that follows from a seed.

An event is a real envelope of the contract. With 30 contents and one registration a batch the average is 737 bytes.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aiokafka.partitioner import murmur2

REGISTERED = "huleedu.batch.essays.registered.v1"
CONTENT = "huleedu.file.essay.content.provisioned.v1"

#: Every event says this moment: an input is the same bytes on every run.
MOMENT = "2026-03-02T08:00:00Z"
TYPICAL_SLOTS = 30
#: Batches that are open at once in the typical order.
_OPEN = 500

_CONTENT = (
    b'{"event_id":"%s","event_type":"huleedu.file.essay.content.provisioned.v1","event_timestamp":"'
    + MOMENT.encode()
    + b'","source_service":"file-service","schema_version":1,"correlation_id":"%s","data_schema_uri":null,"data":{'
    b'"entity_id":"%s","file_upload_id":"%s","original_file_name":"%02d.docx",'
    b'"raw_file_storage_id":"%s","text_storage_id":"%s","file_size_bytes":%d,"content_md5_hash":null,'
    b'"correlation_id":"%s","timestamp":"' + MOMENT.encode() + b'"},"metadata":null}'
)
_REGISTERED = (
    b'{"event_id":"%s","event_type":"huleedu.batch.essays.registered.v1","event_timestamp":"'
    + MOMENT.encode()
    + b'","source_service":"batch-service","schema_version":1,"correlation_id":"%s","data_schema_uri":null,"data":{'
    b'"entity_id":"%s","essay_ids":[%s],"expected_essay_count":%d,"course_code":"ENG5","user_id":"%s","org_id":null,'
    b'"class_id":"%s","student_prompt_ref":null,'
    b'"essay_instructions":null,"metadata":{"entity_id":"%s","entity_type":"batch","timestamp":"'
    + MOMENT.encode()
    + b'","event":"batch.essays.registered","error_info":{}}},"metadata":null}'
)


class Event(NamedTuple):
    """A record for an input topic. The partition is picked here, as a producer's partitioner would."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Expected(NamedTuple):
    """What must have come of a batch: how many slots it has, and how many of them are filled."""

    slots: int
    filled: int

    @property
    def ready(self) -> bool:
        """Whether the batch becomes ready."""
        return self.slots == self.filled > 0


@dataclass(frozen=True)
class Part:
    """Some batches, sent together. Two parts of one run differ in ``name``, or their batches would be the same.

    Attributes:
        name: goes into the seed of ids and order.
        batches: how many; a few small ones more close each part, see :meth:`events`.
        slots: essays a batch.
        missing: contents of each batch that do not come (it stays open).
        registered: whether the registrations come (if not, every content stays pending).
        order: ``typical``: 500 batches are open at once and take turns at random, the registration somewhere among its
            contents. ``worst``: all batches are open at once and take turns in a fixed order, so that no two events of
            a batch are close to each other.

    """

    name: str
    batches: int
    slots: int = TYPICAL_SLOTS
    missing: int = 0
    registered: bool = True
    order: Literal["typical", "worst"] = "typical"
    partitions: int = 4
    seed: int = 1

    @classmethod
    def of_events(cls, name: str, events: int, partitions: int, slots: int = TYPICAL_SLOTS) -> "Part":
        """A part of ``events`` events, rounded up to whole batches."""
        return cls(name, max(1, -(-events // (1 + slots))), slots, partitions=partitions)

    @property
    def contents(self) -> int:
        """Contents of all batches, markers left out."""
        return self.batches * (self.slots - self.missing)

    @property
    def count(self) -> int:
        """Events in all."""
        return self.contents + (self.batches if self.registered else 0) + self.partitions * (self.partitions + 1)

    def expected(self) -> dict[str, Expected]:
        """What must have come of each batch once the part is processed, markers included."""
        filled = self.slots - self.missing if self.registered else 0
        expected = {self._batch_id(number).decode(): Expected(self.slots, filled) for number in range(self.batches)}
        return expected | {batch.decode(): Expected(self.partitions, self.partitions) for batch in self._markers()}

    def events(self) -> Iterator[Event]:
        """All events in the order in which they are sent.

        The last are the markers: a batch for each partition of the re-keyed log, whose last content is the last record
        of an input partition. When they are ready, all contents before them are processed, also those of which
        nothing is said.
        """
        rng = random.Random(f"{self.seed}/{self.name}/ids")  # noqa: S311 - test data
        for batch, place in self._order():
            if place < 0:
                yield _registration(rng, batch, self.slots, rng.randrange(self.partitions))
            else:
                yield _content(rng, batch, place, int(rng.random() * self.partitions))
        markers = self._markers()
        for partition, batch in enumerate(markers):
            yield _registration(rng, batch, self.partitions, partition)
        for batch in markers:
            for partition in range(self.partitions):
                yield _content(rng, batch, partition, partition)

    def _batch_id(self, number: int) -> bytes:
        digits = hashlib.md5(f"{self.seed}/{self.name}/{number}".encode(), usedforsecurity=False).hexdigest()
        return _uuid(digits.encode())

    def _markers(self) -> list[bytes]:
        """A batch id for each partition of the log."""
        found: dict[int, bytes] = {}
        number = 0
        while len(found) < self.partitions:
            number -= 1
            batch = self._batch_id(number)
            found.setdefault((murmur2(batch) & 0x7FFFFFFF) % self.partitions, batch)
        return [found[partition] for partition in range(self.partitions)]

    def _batch(self, number: int, rng: random.Random) -> tuple[bytes, list[int]]:
        """A batch id and what the batch sends, the last first: contents by number, -1 for the registration."""
        places = list(range(self.slots - self.missing))
        if self.registered:
            places.insert(rng.randrange(len(places) + 1), -1)
        places.reverse()
        return self._batch_id(number), places

    def _order(self) -> Iterator[tuple[bytes, int]]:
        rng = random.Random(f"{self.seed}/{self.name}/order")  # noqa: S311 - test data
        if self.order == "worst":
            everything = [self._batch(number, rng) for number in range(self.batches)]
            for _ in range(len(everything[0][1])):
                for batch, places in everything:
                    yield batch, places.pop()
            return
        window = [self._batch(number, rng) for number in range(min(_OPEN, self.batches))]
        following = len(window)
        while window:
            index = int(rng.random() * len(window))
            batch, places = window[index]
            yield batch, places.pop()
            if not places and following < self.batches:
                window[index] = self._batch(following, rng)
                following += 1
            elif not places:
                window[index] = window[-1]
                window.pop()


def essay_id(batch: str, slot: int) -> str:
    """The essay of a slot: as long as a UUID, and told apart from those of other batches by its beginning."""
    return f"{batch[:24]}e{slot:011d}"


def text_id(batch: str, place: int) -> str:
    """The text of a content, in the same way."""
    return f"{batch[:24]}7{place:011d}"


def _content(rng: random.Random, batch: bytes, place: int, partition: int) -> Event:
    digits = b"%0128x" % rng.getrandbits(512)
    upload, correlation = _uuid(digits), _uuid(digits[32:])
    value = _CONTENT % (
        *(_uuid(digits[64:]), correlation, batch, upload, place % 100, _uuid(digits[96:])),
        *(text_id(batch.decode(), place).encode(), 2_000 + place % 1_000, correlation),
    )
    return Event(CONTENT, partition, upload, value)


def _registration(rng: random.Random, batch: bytes, slots: int, partition: int) -> Event:
    digits = b"%0128x" % rng.getrandbits(512)
    essays = ",".join(f'"{essay_id(batch.decode(), slot)}"' for slot in range(slots)).encode()
    value = _REGISTERED % (
        *(_uuid(digits), _uuid(digits[32:]), batch, essays, slots),
        *(_uuid(digits[64:]), _uuid(digits[96:]), batch),
    )
    return Event(REGISTERED, partition, batch, value)


def _uuid(digits: bytes) -> bytes:
    return b"%s-%s-4%s-8%s-%s" % (digits[:8], digits[8:12], digits[13:16], digits[17:20], digits[20:32])
