"""Budgets so small that batches of a few slots meet them: of the core, of the oracle, and of the reference model."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from app.core import budget
from app.history.verify import reference_batch
from tests.oracle import budget as oracle_budget

#: Bytes of a ready event's lists. A batch of the notation has at most 130 for what it passes on and 47 a slot beside
#: the text ids, so a text id has 740 to 830 in a batch of one slot, and 76 to 91 in one of six: all of the notation's
#: fit but its long ones.
LISTS = 920


@contextmanager
def small_budgets() -> Iterator[None]:
    """Refuse long text ids (`L0`) in every batch."""
    with (
        patch.object(budget, "LARGEST", LISTS),
        patch.object(budget, "_ALWAYS", 0),
        patch.object(oracle_budget, "LISTS", LISTS),
        patch.object(reference_batch, "READY_BYTES", LISTS),
    ):
        yield
