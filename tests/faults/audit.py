"""The judgement on outputs: the oracle's, in which the order of arrival is free, and counts of its own that share no
code with it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tests.faults.results import Result
from tests.faults.traffic import Seen
from tests.faults.workload import Batch, Came, Workload, exact
from tests.oracle import InputRecord, judge, topics

MAX_DETAILS = 40
T = TypeVar("T")


class _Raw(msgspec.Struct):
    data: msgspec.Raw


def audit(workload: Workload, sent: Sequence[InputRecord], came: Sequence[Seen], result: Result) -> None:
    """Judge everything: all inputs against all outputs that a read-committed consumer saw. All is drained."""
    schedule = result.schedule
    result.outputs = len(came)
    inputs = _by_fault(((batch_of(seen_output, workload), seen_output) for seen_output in sent), schedule)
    seen = _by_fault(((seen_output.batch, seen_output) for seen_output in came), schedule)
    judged = 0
    for fault in inputs.keys() | seen.keys():
        row, mine = result.row(fault), inputs.get(fault, [])
        verdict = judge(mine, [seen_output.record for seen_output in seen.get(fault, [])], retires=workload.retires)
        row.inputs, row.lost, row.wrong = len(mine), verdict.lost, verdict.wrong
        judged += verdict.repeated
        result.details += [line for line in verdict.details if not line.startswith("repeated")][:MAX_DETAILS]
    result.late = len({source_of(output) for output in came if is_late(output)})
    texts = {name: batch.texts for name, batch in workload.batches.items()}
    for problem in count(workload.batches.values(), came, texts):
        result.row(_fault(workload.batches[problem.batch], schedule)).wrong += 1
        result.details.append(problem.what)
    counted = 0
    for again in repeats(came):
        row = result.row(schedule[again.one.round])
        row.repeated += 1
        counted += 1
        if again.conflicting:
            row.conflicting += 1
            result.details.append(f"conflicting: {again.one.record}")
    if judged != counted and not result.total.wrong:  # the oracle's is by what is told, this one by event id
        result.problems.append(f"the oracle counts {judged} repeats, this audit {counted}: one of the two is wrong")


@dataclass(frozen=True)
class Again:
    """An output beyond the first with its event id; ``conflicting`` if its key or, byte for byte, its data differ."""

    one: Seen
    conflicting: bool


def repeats(seen: Iterable[Seen]) -> Iterator[Again]:
    """The outputs that came before. A dead letter is known by the place of its input."""
    first: dict[object, object] = {}
    for seen_output in seen:
        record = seen_output.record
        if record.topic == topics.DEAD:
            name, data = source_of(seen_output), record.value
        elif record.header("event_id") is None:
            continue
        else:
            name, data = record.header("event_id"), data_bytes(seen_output)
        said = (record.topic, record.key, data)
        known = first.setdefault(name, said)
        if known is not said:
            yield Again(seen_output, known != said)


def data_bytes(seen_output: Seen) -> bytes:
    """The bytes of an output's data, as they stood in the message."""
    return bytes(msgspec.json.decode(seen_output.record.value or b"", type=_Raw).data)


def is_late(output: Seen) -> bool:
    """Whether an output is the dead letter of an input that came when its batch was retired."""
    return output.record.topic == topics.DEAD and output.record.header("rollcall.reason") == topics.BATCH_RETIRED


def source_of(output: Seen) -> object:
    """Where the input of a dead letter stands."""
    return tuple(output.record.header(f"rollcall.source.{name}") for name in ("topic", "partition", "offset"))


@dataclass(frozen=True)
class Problem:
    """What is wrong with a batch by count."""

    batch: str
    what: str


def count(batches: Iterable[Batch], seen: Iterable[Seen], texts: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """What is wrong by counts that hold for every interleaving. ``texts``: by batch, those of its contents."""
    came: dict[str, Came] = {}
    for seen_output in {
        seen_output.record.header("event_id") or source_of(seen_output): seen_output
        for seen_output in seen
        if seen_output.batch is not None
    }.values():
        assert seen_output.batch is not None
        data = json.loads(seen_output.record.value or b"")["data"]
        mine = came.setdefault(seen_output.batch.name, Came())
        if seen_output.record.topic == topics.DEAD:
            if is_late(seen_output):
                mine.retired.add(data.get("text_storage_id") or data["file_upload_id"])
        elif seen_output.record.topic == topics.SLOT:
            mine.slots[data["text_storage_id"]] = data["essay_id"]
        elif seen_output.record.topic == topics.EXCESS:
            mine.excess.add(data["text_storage_id"])
        else:
            lists = {topics.READY: mine.ready, topics.COMPLETED: mine.completed, topics.ERRORS: mine.errors}
            lists[seen_output.record.topic].append(data)
    for batch in batches:
        registered = batch.kind.registered
        for what in exact(batch, came.get(batch.name, Came()), texts[batch.name], registered=registered):
            yield Problem(batch.name, what)


def batch_of(record: InputRecord, workload: Workload) -> Batch:
    """The batch of an input."""
    data = json.loads(record.value or b"")["data"]
    return workload.batches[data.get("entity_id") or data["batch_id"]]


def _fault(batch: Batch | None, schedule: Sequence[str]) -> str:
    return "?" if batch is None else schedule[batch.began]


def _by_fault(pairs: Iterable[tuple[Batch | None, T]], schedule: Sequence[str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for batch, seen_output in pairs:
        found.setdefault(_fault(batch, schedule), []).append(seen_output)
    return found


def count_by_id(seen: Iterable[Seen]) -> Counter[str]:
    """How often each event id came."""
    return Counter(str(output.record.header("event_id")) for output in seen if output.record.topic != topics.DEAD)
