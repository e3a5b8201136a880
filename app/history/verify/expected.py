"""What the log says should have been emitted, and how what was emitted compares with it."""

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from app.core import names
from app.engine.ports import PlacedRecord
from app.history.models import Difference, Place
from app.wire import dead_letter
from app.wire.decode import batch_id_for_routing

#: Differences that a report has in full; all are counted.
TOLD = 100

Output = tuple[str, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


class _Data(msgspec.Struct):
    batch_id: str


class _Envelope(msgspec.Struct):
    event_id: str
    data: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope)
_data = msgspec.json.Decoder(_Data)


class _Said(msgspec.Struct, frozen=True, gc=False):
    """An output reduced to what is compared. ``name`` is unique in its topic."""

    name: str
    batch_id: str | None
    digest: bytes


class Expected:
    """Filled from the fold, then shown what was emitted.

    Holds about 0.3 KB an output, so that all of it fits into memory up to some ten million.
    """

    def __init__(self, only: str | None = None) -> None:
        self.differences: list[Difference] = []
        self.total = 0
        self.emitted = 0
        self.repeats = 0
        self.others = 0
        #: The batches of which the log lacks the beginning: what is said of them is passed over, and counted.
        self.partial: set[str] = set()
        self.passed_over = 0
        #: Whether the log lacks its beginning: inputs that can't be used may be of before.
        self.late = False
        self._only = only
        self._expected: dict[tuple[str, str], _Said] = {}
        self._awaited: set[tuple[str, str]] = set()
        self._seen: set[tuple[str, str]] = set()

    @property
    def count(self) -> int:
        """How many outputs are expected, repeats not counted."""
        return len(self._expected)

    @property
    def awaited(self) -> int:
        """How many of them may still be on their way, and have not come."""
        return len(self._awaited - self._seen)

    def add(self, outputs: Iterable[Output], *, awaited: bool) -> None:
        """Expect outputs of the fold; those that are ``awaited`` need not be there yet."""
        for topic, key, value, headers in outputs:
            output = _said(topic, key, value, headers)
            place = (topic, output.name)
            if place not in self._expected:
                self._expected[place] = output
                if awaited:
                    self._awaited.add(place)

    def judge(self, record: PlacedRecord, known: Collection[bytes], read_up_to: dict[tuple[str, int], int]) -> None:
        """Compare a record of an output topic.

        ``known`` are the batches of the log, ``read_up_to`` says how far the log has each input: what is neither is
        not this app's.
        """
        if self._only is not None and self._only.encode() not in (record.value or b""):
            return
        try:
            output = _said(record.topic, record.key, record.value, record.headers)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.emitted += 1
            self._differ("unexpected", record.topic, None, record, f"not an output of Rollcall: {error}")
            return
        if self._only is not None and output.batch_id != self._only:
            return
        self.emitted += 1
        place = (record.topic, output.name)
        expected = self._expected.get(place)
        before = self.late and record.topic == names.DEAD_LETTER and expected is None
        if before or output.batch_id in self.partial:
            self.passed_over += 1
        elif expected is None:
            if self._ours(record, output, known, read_up_to):
                self._differ("unexpected", record.topic, output, record, "nothing in the log brings it about")
            else:
                self.others += 1
        elif expected.digest != output.digest:
            self._differ("different", record.topic, output, record, "its content is not what the log brings about")
        elif place in self._seen:
            self.repeats += 1
        self._seen.add(place)

    def close(self, cut: Collection[str]) -> int:
        """Report what was expected and has not come; of topics that were ``cut``, only say how many."""
        unknown = 0
        for place, output in self._expected.items():
            if place in self._seen or place in self._awaited or output.batch_id in self.partial:
                continue
            if place[0] in cut:
                unknown += 1
            else:
                self._differ("missing", place[0], output, None, "the log brings it about, and it was never emitted")
        return unknown

    def _ours(
        self, record: PlacedRecord, output: _Said, known: Collection[bytes], read_up_to: dict[tuple[str, int], int]
    ) -> bool:
        if record.topic != names.DEAD_LETTER:
            return output.batch_id is not None and output.batch_id.encode() in known
        topic, number, offset = output.name.rsplit("/", 2)
        if not number.isdigit() or not offset.isdigit():
            return True
        return int(offset) <= read_up_to.get((topic, int(number)), -1)

    def _differ(self, kind: str, topic: str, output: _Said | None, record: PlacedRecord | None, detail: str) -> None:
        self.total += 1
        if len(self.differences) >= TOLD:
            return
        name = None if output is None else output.name
        if topic == names.DEAD_LETTER and name is not None:
            detail, name = f"dead letter of {name}: {detail}", None
        self.differences.append(
            Difference(
                kind=kind,
                topic=topic,
                event_id=name,
                batch_id=None if output is None else output.batch_id,
                place=None
                if record is None
                else Place(topic=record.topic, partition=record.partition, offset=record.offset),
                detail=detail,
            )
        )


def _said(topic: str, key: bytes | None, value: bytes | None, headers: Any) -> _Said:
    if topic == names.DEAD_LETTER:
        cause = dead_letter.read(headers)
        source = "/".join(map(str, cause.place or ("", "", "")))
        content = (cause.reason.encode(), repr(key).encode(), repr(value).encode())
        return _Said(source, batch_id_for_routing(value), _digest(*content))
    envelope = _envelope.decode(value or b"")
    # By its bytes: `data` is the same in every repeat, byte for byte.
    digest = _digest(key or b"", bytes(envelope.data))
    return _Said(envelope.event_id, _data.decode(envelope.data).batch_id, digest)


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
