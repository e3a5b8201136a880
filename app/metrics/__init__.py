"""The metrics, named by the Prometheus conventions: base units, ``_total`` for counters, a help text each.

Labels are bounded (topics, reasons, partitions, states): never a batch id.

============  =====================================================================================================
module        holds
============  =====================================================================================================
``counted``   what is counted as it happens: once a chunk, a poll, a commit, a completed batch, never once a record
``observed``  what is looked at when it is asked for: lag, restore, cache, state, and the counts of the batches
============  =====================================================================================================

What each is for, the alerts and the dashboards are in ``ops``.
"""

from app.metrics.counted import (
    commit_attempted,
    committed,
    folded,
    input_gap,
    polled,
    processed,
    rekeyed,
    taken_over,
    transaction_aborted,
)
from app.metrics.observed import observe

__all__ = [
    "commit_attempted",
    "committed",
    "folded",
    "input_gap",
    "observe",
    "polled",
    "processed",
    "rekeyed",
    "taken_over",
    "transaction_aborted",
]
