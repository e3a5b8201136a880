"""An optional port: what an application does natively, whole chunks at a time. Without it the engine asks the others
(:mod:`app.engine.ports`) record by record, and builds batches natively all the same.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

#: As in :mod:`app.engine.ports`, which imports this module.
Headers = list[tuple[str, bytes | None]]
Output = tuple[str, bytes | None, bytes | None, Headers]


class TopicBatches(Protocol):
    """Record batches of one topic under construction, in the native part."""

    def add(self, partition: int | None, key: bytes | None, value: bytes | None, headers: Headers, time: int) -> None:
        """Add a record of time ``time`` (ms); without ``partition`` to that of its key."""

    def add_rows(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]], time: int) -> None:
        """Add records without headers."""


class Bulk(Protocol):
    """What an application does natively, whole chunks at a time. Asked only where the engine has the native part.

    It writes what ``Router.route`` and ``Changes.outputs`` would say, byte for byte and in the order of each partition,
    and must not raise, whatever the bytes are. ``time`` is that of the records (ms).

    Of many records it is asked in a thread beside the event loop (:mod:`app.engine.beside`), one call at a time: what
    it is handed nobody else touches meanwhile, and of the application's own it changes nothing that a fold reads.
    """

    def read_ahead(self, records: Sequence[Any]) -> None:
        """Do of the reading of a chunk what can be done before the processor is handed it."""

    def route(self, topic: str, partition: int, records: Sequence[Any], log: TopicBatches, time: int) -> bool:
        """Write the log's records for those of one input partition; or nothing, and False: the router does it then."""

    def write(self, changes: Any, batches: Callable[[str], TopicBatches], time: int) -> Sequence[Output]:
        """Write outputs into the batches of their topics; the outputs that were not written, in order."""
