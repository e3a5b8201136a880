"""A second opinion: what the log amounts to, reckoned up from its raw records.

It shares no code with the core, the wire or the tables, on purpose: headers, JSON and rules are read here anew, in the
plainest way, so that a mistake there does not repeat itself here. Which inputs can't be used is not judged again: the
dead letters say so (``refused``); that they are the right ones is for the replay to find out.
"""

import hashlib
import heapq
import json
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

Headers = Sequence[tuple[str, bytes | None]]

REGISTRATION, CONTENT, FAILURE = range(3)

#: Of the ready event's lists, at most: of a batch as registered, and as opened again. The longest id, as JSON.
READY_BYTES = 15 * 2**20
REOPENED_BYTES = READY_BYTES + 3 * 2**18
LONGEST_TEXT = 6002


@dataclass
class Upload:
    """What came: ``text`` is None for one that was rejected."""

    upload: str
    text: str | None


@dataclass
class Pending:
    """An upload that waits for its registration."""

    offset: int
    time: int
    source: tuple[int, int, int]
    what: Upload


@dataclass
class ReferenceBatch:
    """A batch."""

    terms: str | None = None
    essays: list[str] = field(default_factory=list)
    slots: list[Upload | None] = field(default_factory=list)
    #: How many slots are free, and before and behind which none is: a slot that is taken stays so.
    free: int = 0
    #: How many bytes of JSON a text id may have that takes a slot, where not every one fits into the ready event.
    longest: int | None = None
    besides: int = 0
    first: int = 0
    last: int = -1
    pending: list[Pending] = field(default_factory=list)
    excess: list[Upload] = field(default_factory=list)
    late_failures: int = 0
    uploads: dict[str, str | None] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    conflicts: set[tuple[int, int, int]] = field(default_factory=set)
    forgotten: set[tuple[int, int, int]] = field(default_factory=set)
    late: bool = False
    opened: int = 0
    later: int = 0
    closed: str | None = None
    acts: dict[str, bool] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether it takes nothing more."""
        return self.terms is not None and (self.closed is not None or not self.free)

    def summary(self) -> dict[str, Any]:
        """What is compared."""
        return {
            "slots": [
                [essay, None if upload is None else upload.upload, None if upload is None else upload.text]
                for essay, upload in zip(self.essays, self.slots, strict=True)
            ],
            "pending": [[waiting.offset, waiting.what.upload, waiting.what.text] for waiting in self.pending],
            "excess": sorted([upload.upload, upload.text] for upload in self.excess),
            "late_failures": self.late_failures,
            "conflicts": sorted(map(list, self.conflicts)),
            "timed_out": self.late,
            "closed": self.closed,
            "acts": [[act, done] for act, done in self.acts.items()],
        }


def digest(value: bytes | None) -> bytes:
    """What stands for the bytes of a record."""
    return b"" if value is None else hashlib.blake2b(value, digest_size=16).digest()


class ReferenceModel:
    """Takes the records of one partition of the log, all of them, in order.

    ``readiness`` and ``ttl`` are the durations of the two deadlines in ms, 0 for none. ``refused`` are the inputs that
    could not be used, by their place, each with the digests of what was there: a topic that was made again has its
    places twice.
    """

    def __init__(
        self,
        readiness: int,
        ttl: int,
        refused: Mapping[tuple[int, int, int], Collection[bytes]],
        refused_here: Collection[int],
    ) -> None:
        self.batches: dict[str, ReferenceBatch] = {}
        self._readiness = readiness
        self._ttl = ttl
        self._refused = refused
        self._refused_here = refused_here
        self._due: list[tuple[int, str]] = []

    def take(self, offset: int, time: int, headers: Headers, value: bytes | None) -> None:
        """One record of the log: its offset, append time (ms), headers and value."""
        named = dict(headers)
        source = named.get("s")
        if source is not None:
            place = struct.unpack(">BIQ", source)
            if place not in self._refused or digest(value) not in self._refused[place]:
                self._input(offset, time, place, json.loads(value or b""))
        elif "t" in named:
            self._tick(time)
        elif "a" in named and offset not in self._refused_here:
            self._act(time, json.loads(value or b""))

    def _input(self, offset: int, time: int, place: tuple[int, int, int], envelope: dict[str, Any]) -> None:
        data = envelope["data"]
        batch_id = data.get("entity_id") or data["batch_id"]
        batch = self.batches.setdefault(batch_id, ReferenceBatch())
        if place in batch.forgotten:
            return
        if place[0] == REGISTRATION:
            if _register(batch, data, time, place) and self._readiness:
                self._wait(batch_id, time + self._readiness)
            return
        upload = Upload(data["file_upload_id"], data["text_storage_id"] if place[0] == CONTENT else None)
        if upload.text is not None and upload.text in batch.texts:
            batch.uploads.setdefault(upload.upload, upload.text)
        elif upload.upload in batch.uploads:
            if upload.text is not None or batch.uploads[upload.upload] is not None:
                batch.conflicts.add(place)
        else:
            _know(batch, upload)
            if batch.terms is None:
                batch.pending.append(Pending(offset, time, place, upload))
                if self._ttl:
                    self._wait(batch_id, time + self._ttl)
            else:
                _settle(batch, upload)

    def _wait(self, batch_id: str, due: int) -> None:
        heapq.heappush(self._due, (due, batch_id))

    def _tick(self, time: int) -> None:
        while self._due and self._due[0][0] <= time:
            _, batch_id = heapq.heappop(self._due)
            again = self._look(self.batches[batch_id], time)
            if again is not None:
                self._wait(batch_id, again)

    def _look(self, batch: ReferenceBatch, time: int) -> int | None:
        """What is due in a batch by now; when to look again, where a deadline was put off."""
        if batch.terms is None:
            # In upload order: what isn't due yet keeps what came behind it.
            wait = batch.later + self._ttl
            _forget(batch, list(takewhile(lambda waiting: waiting.time + wait <= time, batch.pending)))
            return batch.pending[0].time + wait if batch.pending else None
        due = batch.opened + batch.later + self._readiness
        if batch.done or batch.late or due > time:
            return None if batch.done or batch.late else due
        batch.late = True
        return None

    def _act(self, time: int, said: dict[str, Any]) -> None:
        batch = self.batches.setdefault(said["batch_id"], ReferenceBatch())
        if said["act_id"] in batch.acts:
            return
        act = getattr(self, f"_{said['act']}")
        done = batch.acts[said["act_id"]] = act(batch, time, said)
        if done and said["act"] == "reopen" and self._readiness:
            self._wait(said["batch_id"], time + self._readiness)

    def _force_complete(self, batch: ReferenceBatch, _time: int, _said: dict[str, Any]) -> bool:
        if batch.terms is None or batch.done or not any(batch.slots):
            return False
        batch.closed = "forced"
        return True

    def _discard(self, batch: ReferenceBatch, _time: int, _said: dict[str, Any]) -> bool:
        if batch.done or (batch.terms is None and not batch.pending):
            return False
        if batch.terms is not None:
            batch.closed = "discarded"
        _forget(batch, list(batch.pending))
        return True

    def _discard_upload(self, batch: ReferenceBatch, _time: int, said: dict[str, Any]) -> bool:
        found = [waiting for waiting in batch.pending if waiting.what.upload == said["file_upload_id"]]
        _forget(batch, found)
        return bool(found)

    def _extend(self, batch: ReferenceBatch, _time: int, said: dict[str, Any]) -> bool:
        runs = batch.pending and self._ttl if batch.terms is None else not batch.done and not batch.late
        if not runs or (batch.terms is not None and not self._readiness):
            return False
        batch.later += said["seconds"] * 1000
        return True

    def _reopen(self, batch: ReferenceBatch, time: int, said: dict[str, Any]) -> bool:
        more = said.get("essay_ids", [])
        known = set(more) & set(batch.essays)
        if not batch.done or len(set(more)) != len(more) or known or not (more or None in batch.slots):
            return False
        if more and _listed(batch.essays + more, batch.longest or LONGEST_TEXT) + batch.besides > REOPENED_BYTES:
            return False
        batch.closed, batch.opened, batch.later, batch.late = None, time, 0, False
        batch.essays += more
        _add_slots(batch, len(more))
        fitting = [upload for upload in batch.excess if _fits(batch, upload)][: batch.free]
        for upload in fitting:
            _take(batch, upload)
        retaken = {upload.text for upload in fitting}
        batch.excess = [upload for upload in batch.excess if upload.text not in retaken]
        return True


def _register(batch: ReferenceBatch, data: dict[str, Any], time: int, place: tuple[int, int, int]) -> bool:
    """Whether it was the first registration of the batch."""
    terms = json.dumps(
        [
            data["essay_ids"],
            data["course_code"],
            data["user_id"],
            data.get("org_id"),
            data.get("class_id") or None,
            data.get("student_prompt_ref"),
            data.get("essay_instructions"),
        ],
        sort_keys=True,
    )
    if batch.terms is not None:
        if terms != batch.terms:
            batch.conflicts.add(place)
        return False
    batch.terms, batch.opened, batch.later = terms, time, 0
    batch.essays = list(data["essay_ids"])
    _add_slots(batch, len(batch.essays))
    passed_on = data.get("student_prompt_ref"), data.get("essay_instructions")
    batch.besides = sum(_json_bytes(text) for text in passed_on if text is not None)
    share = (READY_BYTES - batch.besides - _listed(batch.essays, 0)) // len(batch.essays)
    batch.longest = None if share >= LONGEST_TEXT else share
    waiting, batch.pending = batch.pending, []
    for upload in waiting:
        _settle(batch, upload.what)
    return True


def _know(batch: ReferenceBatch, upload: Upload) -> None:
    batch.uploads[upload.upload] = upload.text
    if upload.text is not None:
        batch.texts.add(upload.text)


def _settle(batch: ReferenceBatch, upload: Upload) -> None:
    """A slot: the first free one for a text, the last free one for a failure; or none, where none is left."""
    if not batch.done and _fits(batch, upload):
        _take(batch, upload)
    elif upload.text is not None:
        batch.excess.append(upload)
    else:
        batch.late_failures += 1


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _listed(essays: list[str], text: int) -> int:
    """How large the list of a ready event is with text ids of so many bytes."""
    return sum(_json_bytes(essay) + text + len('{"essay_id":,"text_storage_id":},') for essay in essays)


def _fits(batch: ReferenceBatch, upload: Upload) -> bool:
    return batch.longest is None or upload.text is None or _json_bytes(upload.text) <= batch.longest


def _add_slots(batch: ReferenceBatch, count: int) -> None:
    batch.slots += [None] * count
    batch.free += count
    batch.last = len(batch.slots) - 1


def _take(batch: ReferenceBatch, upload: Upload) -> None:
    while batch.slots[batch.first] is not None:
        batch.first += 1
    while batch.slots[batch.last] is not None:
        batch.last -= 1
    batch.slots[batch.first if upload.text is not None else batch.last] = upload
    batch.free -= 1


def _forget(batch: ReferenceBatch, gone: list[Pending]) -> None:
    """Give up pending uploads: put back, they are new."""
    if not gone:
        return
    offsets = {waiting.offset for waiting in gone}
    texts = {waiting.what.text for waiting in gone if waiting.what.text is not None}
    batch.pending = [waiting for waiting in batch.pending if waiting.offset not in offsets]
    batch.forgotten |= {waiting.source for waiting in gone}
    batch.texts -= texts
    for waiting in gone:
        if waiting.what.text is None:
            del batch.uploads[waiting.what.upload]
    batch.uploads = {upload: text for upload, text in batch.uploads.items() if text not in texts}
    if not batch.pending:
        batch.later = 0
