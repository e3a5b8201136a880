"""What a chunk retires, and which batches rest after it: the rows of what goes one day, and of what went."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Cutoff
from app.core.facts import Fact, Gone, Retired
from tables import batches, closed, receipt_order, receipts
from tables.receipt_order import Page


@dataclass
class Leaving:
    """Filled by :mod:`agents.retiring`, and made into rows with the other changes of the chunk."""

    #: Rows that are to be written before all others.
    first: dict[bytes, bytes] = field(default_factory=dict)
    #: Whether a tick retires something here, and there is to be nothing else.
    alone: bool = False
    #: The receipts that were written, and those that went, each by the tick that wrote it.
    retired: list[Cutoff] = field(default_factory=list)
    forgotten: list[Cutoff] = field(default_factory=list)
    #: What the order of receipts is to say of the ticks of which it says something else now, by log offset.
    pages: dict[int, Page] = field(default_factory=dict)
    #: The rows of the batches that went.
    purged: dict[bytes, None] = field(default_factory=dict)
    #: What was known of the batches that went without having been loaded, and the rows of the receipts of those.
    unseen: dict[str, State] = field(default_factory=dict)
    kept: dict[bytes, bytes] = field(default_factory=dict)
    #: The ticks of the chunk that have written receipts, and the rows of an older release that led to one each.
    _written: set[int] = field(default_factory=set)
    _struck: dict[bytes, None] = field(default_factory=dict)
    #: The row of ``closed`` that a batch had before the chunk.
    _rested: dict[str, bytes | None] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    #: The batches of which this is a part of what a record does, and those of which it is the last part.
    _divided: set[str] = field(default_factory=set)
    _united: set[str] = field(default_factory=set)

    def note(self, batch: Batch) -> None:
        """Note a batch that waits for nothing before it changes."""
        self._rested[batch.batch_id] = closed.key_for(batch)

    def divide(self, batch: Batch) -> None:
        """Note that only a part is done of what a record does to a batch."""
        self._divided.add(batch.batch_id)

    def unite(self, batch: Batch) -> None:
        """Note that it was the last part."""
        self._divided.discard(batch.batch_id)
        self._united.add(batch.batch_id)

    def let_go(self, batch: Batch, facts: Sequence[Fact], rows: Iterable[bytes]) -> None:
        """Note that a batch was retired or forgotten, and which ``rows`` the store has of it."""
        self._gone.add(batch.batch_id)
        self.purge(rows)
        self.retired += [Cutoff(fact.at, batch.batch_id) for fact in facts if isinstance(fact, Retired)]

    def write_down(self, page: Page) -> None:
        """Have the order of receipts say what the receipts are that a tick has written."""
        self.pages[page.at] = page
        self._written.add(page.at)

    def strike_out(self, page: Page, batch_ids: Iterable[str]) -> None:
        """Have the order of receipts no longer say these of a tick."""
        self.pages[page.at] = page
        for batch_id in batch_ids:
            page.ids.discard(batch_id)
            if batch_id in page.alone:
                page.alone.discard(batch_id)
                self._struck[receipt_order.own_key(page.at, batch_id)] = None

    @property
    def begins(self) -> dict[bytes, bytes | None]:
        """The rows that are to be written before all others: the receipts that there are to be, at the latest."""
        found: dict[bytes, bytes | None] = {**self.first}
        found.update(self.pages[at].row() for at in self._written if self.pages[at].ids)
        return found | self.kept

    @property
    def ends(self) -> dict[bytes, bytes | None]:
        """The rows that are to be written after all others: which receipts there are no more."""
        found = dict(page.row() for at, page in self.pages.items() if at not in self._written or not page.ids)
        return found | self._struck

    def purge(self, rows: Iterable[bytes]) -> None:
        """Delete rows of a batch of which nothing but a receipt is kept, or nothing at all."""
        self.purged |= dict.fromkeys(rows)

    def follow(
        self,
        batch: Batch,
        facts: Sequence[Fact],
        time_of: Callable[[int], int],
        rows: dict[bytes, bytes | None],
        superfluous: list[bytes],
    ) -> Sequence[Fact]:
        """Write into ``rows`` that a batch rests now, or its receipt; which of its ``facts`` are to be kept.

        What it had before and has no more is ``superfluous``.
        """
        before, after = self._rested.get(batch.batch_id), closed.key_for(batch)
        if after is not None and (before != after or batch.batch_id in self._united):
            rows[after] = closed.value(batch, time_of(batch.last), whole=batch.batch_id not in self._divided)
        if before != after and before is not None:
            superfluous.append(before)
        if batch.batch_id not in self._gone:
            return facts
        if batch.receipt is not None:
            rows[receipts.key(batch.batch_id)] = batches.receipt(batch.receipt)
        # Those that came since.
        latest = max(number for number, fact in enumerate(facts) if isinstance(fact, Gone))
        return facts[latest + 1 :]
