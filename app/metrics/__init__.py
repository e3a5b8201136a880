"""The metrics of essays, named by the Prometheus conventions: base units, ``_total`` for counters, a help text each.

Labels are bounded (topics, reasons, states): never a batch id. The engine's own are in :mod:`app.engine.metrics`.

============  =====================================================================================================
module        holds
============  =====================================================================================================
``counted``   what is counted as it happens: once a chunk, or a completed batch, never once a record
``observed``  what is looked at when it is asked for: the cache, and the counts of the batches
============  =====================================================================================================

What each is for, the alerts and the dashboards are in ``ops``.
"""

from app.metrics.counted import folded
from app.metrics.observed import observe

__all__ = ["folded", "observe"]
