"""Replay: the log folded again, in memory, and the outputs compared with what was really emitted.

The order in which ends are taken makes it right beside running workers: first what the group has committed (outputs
of that are all there, once the transactions that are open on their topics have ended), then the ends of the outputs,
then the ends of the log (all outputs up to there come from records before it). What lies between is folded and may be
there or not.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core import names
from app.core.batch import Batch
from app.engine.kafka.partitioner import partition_for
from app.engine.ports import PlacedRecord
from app.engine.state.store import Store
from app.engine.topics.ensure import log_topic
from app.history.models import ReplayReport
from app.history.read.beginning import Beginning, Kept, beginnings, kept
from app.history.read.reader import (
    Progress,
    committed_offsets,
    existing,
    no_progress,
    opened,
    partition_counts,
    read,
    spans,
    unsettled,
)
from app.history.read.reprocess import OneBatch, Reprocessor
from app.history.verify.expected import Expected
from app.settings import Settings
from app.wire.record import read_source

#: How a phase that takes long is shown: from its name, a function that is called with its progress.
Phases = Callable[[str], Progress]

_CHUNK = 10_000


def no_phases(_name: str) -> Progress:
    """For callers that show no progress."""
    return no_progress


class Gone(NamedTuple):
    """Where a partition of the log begins, if late, and what the changelog says of its batches."""

    beginning: Beginning | None
    rows: Kept


class _Fold:
    """The log folded again: its outputs, its batches, and how far it has each input."""

    def __init__(
        self, settings: Settings, batch_id: str | None, committed: Mapping[int, int], gone: Mapping[int, Gone]
    ) -> None:
        self.expected = Expected(batch_id)
        self.expected.late = any(beginning for beginning, _ in gone.values())
        for beginning, rows in gone.values():
            begin = 0 if beginning is None else beginning.offset
            self.expected.partial |= {found for found, at in rows.first.items() if at < begin}
        self.gone = gone
        self.records = 0
        self.known: set[bytes] = set()
        self.read_up_to: dict[tuple[str, int], int] = {}
        self._settings = settings
        self._batch_id = batch_id
        self._committed = committed

    async def run(
        self, reader: AIOKafkaConsumer, logs: Mapping[TopicPartition, tuple[int, int]], home: Path, progress: Progress
    ) -> None:
        """One partition after the other, so that only one of them is open at a time."""
        total = sum(end - begin for begin, end in logs.values())
        done = 0
        for partition, (begin, end) in logs.items():
            with self._taker(partition.partition, home) as take:
                batches = read(reader, {partition: (begin, end)}, partial(_shifted, progress, done, total))
                async with aclosing(batches):
                    async for _, records in batches:
                        self._note(partition.topic, records)
                        take(records)
            done += end - begin

    @contextmanager
    def _taker(self, partition: int, home: Path) -> Iterator[Callable[[list[Any]], None]]:
        """What takes the records of a partition: the whole of it in a database of its own, one batch in memory."""
        committed = self._committed.get(partition, 0)
        if self._batch_id is not None:
            folded = OneBatch(self._settings, partition, self._batch_id)

            def of_batch(records: list[PlacedRecord]) -> None:
                for record in records:
                    taken = folded.take(record)
                    if taken is not None:
                        self.expected.add(taken.outputs, awaited=record.offset >= committed)

            yield of_batch
            self._compare_receipts(partition, lambda _: folded.batch)
            return
        store = Store(home / str(partition))
        store.open()
        folder = Reprocessor(self._settings, partition, store)

        def whole(records: list[PlacedRecord]) -> None:
            for awaited in (False, True):
                part = [record for record in records if (record.offset >= committed) is awaited]
                for at in range(0, len(part), _CHUNK):
                    self.expected.add(folder.take(part[at : at + _CHUNK]).outputs, awaited=awaited)

        try:
            yield whole
            self._compare_receipts(partition, folder.batch)
        finally:
            store.close()

    def _compare_receipts(self, partition: int, batch: Callable[[str], Batch]) -> None:
        """Of batches that were retired it is not known where they began: before, where the receipts are others."""
        if partition in self.gone:
            _, rows = self.gone[partition]
            other = (batch_id for batch_id, receipt in rows.receipts.items() if batch(batch_id).receipt != receipt)
            self.expected.partial |= set(other)

    def _note(self, topic: str, records: list[PlacedRecord]) -> None:
        self.records += len(records)
        for record in records:
            if record.key is not None:
                self.known.add(record.key)
            source = read_source(record.headers)
            # A record of the log that is not Rollcall's is a dead letter at its own place in the log.
            place = (topic, record.partition) if source is None else (names.INPUTS[source.topic], source.partition)
            offset = record.offset if source is None else source.offset
            if offset > self.read_up_to.get(place, -1):
                self.read_up_to[place] = offset


def _shifted(progress: Progress, before: int, total: int, at: int, _: int) -> None:
    progress(before + at, total)


async def replay(
    settings: Settings, batch_id: str | None = None, *, phases: Phases = no_phases, log_of: Settings | None = None
) -> ReplayReport:
    """Fold the log again, or one batch of it, and compare.

    ``log_of``: fold the log of other settings (a copy under a fresh app id), and compare with this app's outputs.
    Where the log begins late, batches that began before it are not compared; nor are those that were retired, with
    ``log_of``: the ticks of a copy retire none. The report says from where on, and how many there are.

    Raises MissingTopicError, KafkaError, and PoisonError where the fold fails on a record.
    """
    source = log_of or settings
    log = log_topic(source)
    count = await existing(source, log)
    counts = await partition_counts(settings, names.OUTPUTS)
    numbers = range(count) if batch_id is None else [partition_for(batch_id.encode(), count)]
    async with opened(settings) as reader:
        committed = await committed_offsets(settings, log_topic(settings))
        places = [TopicPartition(topic, n) for topic in names.OUTPUTS for n in range(counts.get(topic, 0))]
        hidden = {place.topic for place in await unsettled(settings, reader, places)}
        outputs = await spans(reader, places)
        logs = await spans(reader, [TopicPartition(log, number) for number in numbers])
        gone = await _gone(reader, settings, logs if log_of is None else None)
        fold = _Fold(source, batch_id, committed, gone)
        if log_of is not None:
            fold.expected.partial.update(*(rows.receipts for _, rows in gone.values()))
        with tempfile.TemporaryDirectory(prefix="rollcall-replay-") as home:
            await fold.run(reader, logs, Path(home), phases("folding the log"))
        async with aclosing(read(reader, outputs, phases("reading the outputs"))) as batches:
            async for _, records in batches:
                for record in records:
                    fold.expected.judge(record, fold.known, fold.read_up_to)
    cut = {partition.topic for partition, (begin, _) in outputs.items() if begin}
    return _report(settings, batch_id, fold, cut, hidden)


async def _gone(
    reader: AIOKafkaConsumer, settings: Settings, logs: Mapping[TopicPartition, tuple[int, int]] | None
) -> dict[int, Gone]:
    """What the log lacks, by partition: of those that begin late, or of all partitions of the app's own log."""
    if logs is not None:
        late = await beginnings(reader, logs)
        return {number: Gone(begins, await kept(reader, settings, number)) for number, begins in late.items()}
    own = log_topic(settings)
    count = await existing(settings, own)
    begun = await beginnings(reader, await spans(reader, [TopicPartition(own, number) for number in range(count)]))
    return {number: Gone(begun.get(number), await kept(reader, settings, number)) for number in range(count)}


def _report(settings: Settings, batch_id: str | None, fold: _Fold, cut: set[str], hidden: set[str]) -> ReplayReport:
    expected = fold.expected
    unknown = expected.close(cut | hidden)
    notes = [str(beginning) for beginning, _ in fold.gone.values() if beginning is not None]
    if expected.partial or expected.passed_over:
        notes.append(
            f"of {len(expected.partial)} batches the log lacks the beginning, or the copy the retirement: "
            f"{expected.passed_over} outputs about them, or of inputs from before, were not compared"
        )
    if unknown:
        why = [f"{topic} no longer has its beginning" for topic in sorted(cut)]
        why += [f"a transaction is open on {topic}, and hides what is behind it" for topic in sorted(hidden)]
        notes.append(f"{unknown} outputs were not found, which may be since {'; '.join(why)}")
    if expected.others:
        notes.append(f"{expected.others} outputs are about batches that this log knows nothing of: another app id's?")
    if expected.total:
        notes.append(
            "outputs follow from the log and the settings: a deadline, ROLLCALL_PROVISIONING_COMPLETED, "
            "ROLLCALL_MAX_MESSAGE_BYTES or ROLLCALL_SKIP_POISON that was another one then is a difference, and so are "
            "the outputs of another app id about the same batches"
        )
    return ReplayReport(
        app_id=settings.app_id,
        batch_id=batch_id,
        same=not expected.total,
        records=fold.records,
        partial=len(expected.partial),
        expected=expected.count,
        awaited=expected.awaited,
        emitted=expected.emitted,
        repeats=expected.repeats,
        others=expected.others,
        differences_total=expected.total,
        differences=expected.differences,
        notes=notes,
    )
