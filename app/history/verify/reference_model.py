"""A second opinion: what the log amounts to, reckoned up from its raw records.

It shares no code with the core, the wire or the tables, on purpose: headers, JSON and rules are read here a second
time, in the plainest way, so that a mistake there does not repeat itself here. Which inputs can't be used is not judged
again: the dead letters say so (``refused``); that they are the right ones is for the replay to find out.
"""

import hashlib
import heapq
import json
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from app.history.verify.reference_batch import LONGEST_TEXT, REOPENED_BYTES, Pending, ReferenceBatch, Upload, listed

Headers = Sequence[tuple[str, bytes | None]]

REGISTRATION, CONTENT, FAILURE = range(3)


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
        #: The batches that rest, by their last change, and those that were retired, by where: some are so no more.
        self._resting: list[tuple[int, str]] = []
        self._receipts: list[tuple[int, str]] = []
        #: Where batches were retired of which it is not known how they began: what comes behind that changes nothing.
        self._ends: dict[str, int] = {}
        #: The batches that begin at a log offset, and those that were retired there, by what the changelog has of them.
        self._begins: dict[int, str] = {}
        self._retired: defaultdict[int, list[str]] = defaultdict(list)
        #: The latest tick that has retired or forgotten anything, the latest that has forgotten receipts, and the last
        #: change of the batches that were let go.
        self.let_go = -1
        self._let_go_receipts = -1
        self._let_go_up_to = -1

    def begin_with(self, batch_id: str, batch: ReferenceBatch) -> None:
        """Begin with a batch of which the log lacks records: as it was before the first one that is taken."""
        self.batches[batch_id] = batch
        if batch.receipt is not None:
            heapq.heappush(self._receipts, (batch.receipt[0], batch_id))
        elif batch.rests:
            heapq.heappush(self._resting, (batch.changed, batch_id))
        elif batch.terms is None:
            if self._ttl:
                self._wait(batch_id, batch.pending[0].time + self._ttl)
        elif self._readiness:
            self._wait(batch_id, batch.opened + self._readiness)

    def end_at(self, batch_id: str, offset: int) -> None:
        """Take nothing more of a batch from a log offset on, at which it was retired."""
        self._ends[batch_id] = offset
        self._retired[offset].append(batch_id)

    def begin_at(self, batch_id: str, offset: int) -> None:
        """Expect a batch to begin at a log offset: what came before it and a tick forgot is of another one."""
        self._begins[offset] = batch_id

    def take(self, offset: int, time: int, headers: Headers, value: bytes | None) -> None:
        """One record of the log: its offset, append time (ms), headers and value."""
        if (begins := self._begins.pop(offset, None)) is not None and self._may_be_another(begins):
            self.batches[begins] = ReferenceBatch(anew=True)
        named = dict(headers)
        source = named.get("s")
        if source is not None:
            place = struct.unpack(">BIQ", source)
            if place not in self._refused or digest(value) not in self._refused[place]:
                self._input(offset, time, place, json.loads(value or b""))
        elif "t" in named:
            self._tick(offset, time)
            self._let_go(offset, named)
        elif "a" in named and offset not in self._refused_here:
            self._act(offset, time, json.loads(value or b""))

    def _may_be_another(self, batch_id: str) -> bool:
        """Whether a batch may have been forgotten since it first changed: it rested, if all of it were known.

        Where receipts were, what changed it was perhaps refused, being too late for one.
        """
        batch = self.batches.get(batch_id)
        return batch is not None and batch.began <= max(self._let_go_up_to, self._let_go_receipts)

    def _input(self, offset: int, time: int, place: tuple[int, int, int], envelope: dict[str, Any]) -> None:
        data = envelope["data"]
        batch_id = data.get("entity_id") or data["batch_id"]
        batch = self.batches.setdefault(batch_id, ReferenceBatch())
        if place in batch.forgotten or batch.receipt is not None or offset > self._ends.get(batch_id, offset):
            return
        before = batch.size
        self._take_in(batch_id, batch, offset, time, place, data)
        self._follow(batch_id, batch, offset, before)

    def _take_in(
        self,
        batch_id: str,
        batch: ReferenceBatch,
        offset: int,
        time: int,
        place: tuple[int, int, int],
        data: dict[str, Any],
    ) -> None:
        if place[0] == REGISTRATION:
            if batch.register(data, time, place) and self._readiness:
                self._wait(batch_id, time + self._readiness)
            return
        upload = Upload(data["file_upload_id"], data["text_storage_id"] if place[0] == CONTENT else None)
        if upload.text is not None and upload.text in batch.texts:
            batch.uploads.setdefault(upload.upload, upload.text)
        elif upload.upload in batch.uploads:
            if upload.text is not None or batch.uploads[upload.upload] is not None:
                batch.conflicts.add(place)
        else:
            batch.know(upload)
            if batch.terms is None:
                batch.pending.append(Pending(offset, time, place, upload))
                if self._ttl:
                    self._wait(batch_id, time + self._ttl)
            else:
                batch.settle(upload)

    def _follow(self, batch_id: str, batch: ReferenceBatch, offset: int, before: tuple[Any, ...]) -> None:
        """Note whether a batch has changed, and rests now."""
        if batch.size != before:
            batch.began = offset if batch.began < 0 else batch.began
            batch.changed = offset
            if batch.rests:
                heapq.heappush(self._resting, (offset, batch_id))

    def _let_go(self, offset: int, named: Mapping[str, bytes | None]) -> None:
        """What a tick retires and forgets: each up to a log offset, and there up to an id."""
        if "r" in named or "f" in named:
            for batch_id in filter(self._may_be_another, self._retired.pop(offset, ())):
                self.batches[batch_id].anew = True
            self.let_go = offset
            if (cutoff := named.get("r")) is not None:
                self._let_go_up_to = max(self._let_go_up_to, _place_of(cutoff)[0])
            self._let_go_receipts = offset if "f" in named else self._let_go_receipts
        for _, batch_id in _up_to(self._receipts, named.get("f")):
            self.batches.pop(batch_id, None)
        for changed, batch_id in _up_to(self._resting, named.get("r")):
            batch = self.batches.get(batch_id)
            if batch is None or not batch.rests or batch.changed != changed:
                continue
            if batch.terms is None:
                del self.batches[batch_id]
            else:
                batch.retire(offset)
                heapq.heappush(self._receipts, (offset, batch_id))

    def _wait(self, batch_id: str, due: int) -> None:
        heapq.heappush(self._due, (due, batch_id))

    def _tick(self, offset: int, time: int) -> None:
        while self._due and self._due[0][0] <= time:
            _, batch_id = heapq.heappop(self._due)
            batch = self.batches.get(batch_id)
            if batch is None:  # it was forgotten
                continue
            before = batch.size
            again = self._look(batch, time)
            self._follow(batch_id, batch, offset, before)
            if again is not None:
                self._wait(batch_id, again)

    def _look(self, batch: ReferenceBatch, time: int) -> int | None:
        """What is due in a batch by now; when to look again, where a deadline was extended."""
        if batch.terms is None:
            # In upload order: what isn't due yet keeps what came behind it.
            wait = batch.later + self._ttl
            batch.forget(list(takewhile(lambda waiting: waiting.time + wait <= time, batch.pending)))
            return batch.pending[0].time + wait if batch.pending else None
        if not self._readiness:
            return None  # it was looked at for what was pending
        due = batch.opened + batch.later + self._readiness
        if batch.done or batch.late or due > time:
            return None if batch.done or batch.late else due
        batch.late = True
        return None

    def _act(self, offset: int, time: int, act: dict[str, Any]) -> None:
        batch = self.batches.setdefault(act["batch_id"], ReferenceBatch())
        if act["act_id"] in batch.acts or batch.receipt is not None:
            return
        before = batch.size
        decide = getattr(self, f"_{act['act']}")
        done = batch.acts[act["act_id"]] = decide(batch, time, act)
        if done and act["act"] == "reopen" and self._readiness:
            self._wait(act["batch_id"], time + self._readiness)
        self._follow(act["batch_id"], batch, offset, before)

    def _force_complete(self, batch: ReferenceBatch, _time: int, _act: dict[str, Any]) -> bool:
        if batch.terms is None or batch.done or not any(batch.slots):
            return False
        batch.closed = "forced"
        return True

    def _discard(self, batch: ReferenceBatch, _time: int, _act: dict[str, Any]) -> bool:
        if batch.done or (batch.terms is None and not batch.pending):
            return False
        if batch.terms is not None:
            batch.closed = "discarded"
        batch.forget(list(batch.pending))
        return True

    def _discard_upload(self, batch: ReferenceBatch, _time: int, act: dict[str, Any]) -> bool:
        found = [waiting for waiting in batch.pending if waiting.what.upload == act["file_upload_id"]]
        batch.forget(found)
        return bool(found)

    def _extend(self, batch: ReferenceBatch, _time: int, act: dict[str, Any]) -> bool:
        runs = batch.pending and self._ttl if batch.terms is None else not batch.done and not batch.late
        if not runs or (batch.terms is not None and not self._readiness):
            return False
        batch.later += act["seconds"] * 1000
        return True

    def _reopen(self, batch: ReferenceBatch, time: int, act: dict[str, Any]) -> bool:
        more = act.get("essay_ids", [])
        known = set(more) & set(batch.essays)
        if not batch.done or len(set(more)) != len(more) or known or not (more or None in batch.slots):
            return False
        if more and listed(batch.essays + more, batch.longest or LONGEST_TEXT) + batch.besides > REOPENED_BYTES:
            return False
        batch.closed, batch.opened, batch.later, batch.late = None, time, 0, False
        batch.essays += more
        batch.add_slots(len(more))
        retaken = batch.excess[: batch.free]
        for upload in retaken:
            batch.fill(upload)
        batch.excess = batch.excess[len(retaken) :]
        return True


def _place_of(cutoff: bytes) -> tuple[int, str]:
    """What a cutoff says: 8 bytes of log offset, and an id."""
    return int.from_bytes(cutoff[:8]), cutoff[8:].decode()


def _up_to(heap: list[tuple[int, str]], cutoff: bytes | None) -> Iterator[tuple[int, str]]:
    """Take what is at or before a cutoff from a heap."""
    if cutoff is not None:
        last = _place_of(cutoff)
        while heap and heap[0] <= last:
            yield heapq.heappop(heap)
