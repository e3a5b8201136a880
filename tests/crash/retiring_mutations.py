"""Retirement with one of its precautions taken out: what the driver must notice."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from msgspec import structs

from agents.chunk_changes import ChunkChanges
from agents.leaving import Leaving
from app.core.batch import Batch
from app.core.facts import Retired
from app.core.retirement import receipt_of
from tables import batches, closed, keys
from tables.partition_state import PartitionState
from tests.crash.mutations import patched


def receipt_last() -> AbstractContextManager[None]:
    """The rows of a batch that is retired go before its receipt is written."""
    finish = ChunkChanges.finish

    def reorder(self: ChunkChanges, *rest: Any) -> None:
        finish(self, *rest)
        of_receipts = (keys.RECEIPTS, keys.RECEIPT_ORDER)
        late = {key: value for key, value in self.rows.items() if value is not None and key.startswith(of_receipts)}
        for key in late:
            del self.rows[key]
        self.rows.update(late)

    return patched((ChunkChanges, "finish", reorder))


def receipt_without_rows_gone() -> AbstractContextManager[None]:
    """A receipt is written, and the rows of the batch stay."""

    def keep(_: Leaving, __: Iterable[bytes]) -> None:
        """Nothing."""

    return patched((Leaving, "purge", keep))


def order_without_those_before() -> AbstractContextManager[None]:
    """A tick that is folded again leaves out of its row the receipts that it had written before the crash."""

    def none(_: PartitionState, __: int) -> None:
        """Nothing."""

    return patched((PartitionState, "receipts_of", none))


def receipt_without_digest() -> AbstractContextManager[None]:
    """A receipt lacks the digest of the registration."""
    return patched((batches, "receipt", _without_digest), (closed, "receipt_of", _kept_without_digest))


def _without_digest(fact: Retired) -> bytes:
    return _own_receipt(structs.replace(fact, digest=b"left out"))


def _kept_without_digest(batch: Batch) -> Retired | None:
    kept = receipt_of(batch)
    return None if kept is None else structs.replace(kept, digest=b"left out")


_own_receipt = batches.receipt
