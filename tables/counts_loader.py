"""Loads the counts: what a partition held before its counts began, looked up in steps, in the background."""

import struct
import time
from collections.abc import Iterator

from app.core.batch_state import State
from app.core.events import Cutoff
from app.engine.ports import Store
from tables import batches, closed, keys, receipt_order, receipts, waiting
from tables.batch_counts import BatchCounts

_HEAD = len(keys.BATCHES) + 4  # the table, and the length of the id
_RANGE = 16  # first and last offset
_OFFSETS = struct.Struct(">QQ")
_PART = 2**63  # of a part of what a record did the key has no last offset, but a number beyond all of them
_BEHIND_ALL = 2**64  # no offset reaches it


def load_counts(counts: BatchCounts, store: Store, seconds: float = 0.004) -> Iterator[None]:
    """Look up what the store held when the counts began, in steps of about ``seconds``; the caller pauses in between.

    Nothing of the store is held between steps, so it may be written then, and closed (if this is not gone on with).
    About 80 us a batch that waits, 5 us each of the others and 2 us a row of them, 0.1 us a receipt. Raises StoreError
    and UnknownFormatError.
    """
    yield from _waiting(counts, store, seconds)
    counts.listed = True
    yield from _receipts(counts, store, seconds)
    yield from _closed(counts, store, seconds)
    counts.finished()


def _waiting(counts: BatchCounts, store: Store, seconds: float) -> Iterator[None]:
    start = keys.WAITING
    while True:
        until = time.perf_counter() + seconds
        for passed, (key, _) in enumerate(store.scan(keys.WAITING, start)):
            if passed and time.perf_counter() > until:
                start = key
                break
            batch_id = waiting.read(key)[2]
            if not counts.known(batch_id):
                counts.found_waiting(batches.batch_of(batch_id, receipts.state_of(store, batch_id)))
        else:
            return
        yield


def _receipts(counts: BatchCounts, store: Store, seconds: float) -> Iterator[None]:
    reached = 0
    while True:
        until = time.perf_counter() + seconds
        number, passed = 0, False
        for page in receipt_order.pages(store.scan(keys.RECEIPT_ORDER, receipt_order.key(reached))):
            if passed and time.perf_counter() > until:
                reached = page.at
                break
            number, passed = number + len(page.ids), True
        else:
            counts.found_receipts(number, _BEHIND_ALL)
            return
        counts.found_receipts(number, reached)
        yield


def _closed(counts: BatchCounts, store: Store, seconds: float) -> Iterator[None]:
    start = keys.BATCHES
    while True:
        until = time.perf_counter() + seconds
        passed, prefix, batch_id, last, skip, plain = 0, b"", "", -1, True, True
        for key, value in store.scan(keys.BATCHES, start):
            if not prefix or not key.startswith(prefix):
                if not skip:
                    _found(counts, store, Cutoff(last, batch_id), plain=plain)
                prefix = key[:-_RANGE]
                if passed and time.perf_counter() > until:
                    start = key
                    break
                passed += 1
                batch_id, last = prefix[_HEAD:].decode(), -1
                skip, plain = counts.known(batch_id), True
            first, end = _OFFSETS.unpack(key[-_RANGE:])
            last = max(last, end if end < _PART else first)
            if not skip and plain:
                plain = not batches.decides_state(value)
        else:
            if not skip:
                _found(counts, store, Cutoff(last, batch_id), plain=plain)
            return
        counts.reached(prefix)
        yield


def _found(counts: BatchCounts, store: Store, place: Cutoff, *, plain: bool) -> None:
    """Count a batch that waits for nothing and was last changed at this place."""
    if store.get(receipts.key(place.batch_id)) is not None:
        # It was retired: a crash has left rows, or a worker that was paused has written some back.
        counts.left_behind.add(place.batch_id)
        return
    if store.get(closed.key(place)) is None:
        counts.indexed = False
    counts.found(State.COMPLETE if plain else _state(store, place.batch_id))


def _state(store: Store, batch_id: str) -> State:
    return batches.batch_of(batch_id, store.values(batches.prefix(batch_id))).state
