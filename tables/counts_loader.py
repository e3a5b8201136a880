"""Loads the counts: what a partition held before its counts began, looked up in steps, in the background."""

import time
from collections.abc import Iterator

from app.core.batch_state import State
from app.engine.ports import Store
from tables import batches, keys, waiting
from tables.batch_counts import BatchCounts

_HEAD = len(keys.BATCHES) + 4  # the table, and the length of the id
_RANGE = 16  # first and last offset


def load_counts(counts: BatchCounts, store: Store, seconds: float = 0.004) -> Iterator[None]:
    """Look up what the store held when the counts began, in steps of about ``seconds``; the caller pauses in between.

    Nothing of the store is held between steps, so it may be written then, and closed (if this is not gone on with).
    About 80 us a batch that waits, 2 us a row of the others. Raises StoreError and UnknownFormatError.
    """
    yield from _waiting(counts, store, seconds)
    counts.listed = True
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
                rows = store.scan(batches.prefix(batch_id))
                counts.found_waiting(batches.batch_of(batch_id, (value for _, value in rows)))
        else:
            return
        yield


def _closed(counts: BatchCounts, store: Store, seconds: float) -> Iterator[None]:
    start = keys.BATCHES
    while True:
        until = time.perf_counter() + seconds
        passed, prefix, batch_id, skip, plain = 0, b"", "", True, True
        for key, value in store.scan(keys.BATCHES, start):
            if not prefix or not key.startswith(prefix):
                if not skip:
                    counts.found(State.COMPLETE if plain else _state(store, batch_id))
                prefix = key[:-_RANGE]
                if passed and time.perf_counter() > until:
                    start = key
                    break
                passed += 1
                batch_id = prefix[_HEAD:].decode()
                skip, plain = counts.known(batch_id), True
            if not skip and plain:
                plain = not batches.decides_state(value)
        else:
            if not skip:
                counts.found(State.COMPLETE if plain else _state(store, batch_id))
            return
        counts.reached(prefix)
        yield


def _state(store: Store, batch_id: str) -> State:
    return batches.batch_of(batch_id, store.values(batches.prefix(batch_id))).state
