"""The judgement on state: all workers go, one with an empty data directory and nothing but the changelog comes, and is
asked about every batch. What it answers shows what it knows.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.contract.notation import Token
from tests.faults.audit import count, count_by_id, data_bytes, is_late
from tests.faults.faults import Cast
from tests.faults.results import Result
from tests.faults.retention import NEVER
from tests.faults.traffic import Seen, Traffic
from tests.faults.workload import Batch, Workload
from tests.oracle import judge, topics
from tests.support.events import Message, redelivered_message
from tests.support.stage import Stage

LATE = Token("C", 90, 90)


def ask(
    cast: Cast, workload: Workload, traffic: Traffic, result: Result, drain: Callable[[Stage, Traffic], None]
) -> None:
    """Ask, and count the wrong answers.

    Each batch gets its registration again (one that had none: for the first time), a content again, and a new content.
    So a complete batch answers with the same slot or excess, and one more excess; one that was a slot short becomes
    ready, and one that was pending too: with counts that only the whole of its state can give. A batch that was retired
    has nothing but dead letters to say, of the two contents. Before it is asked anything the worker says nothing: all
    others stopped in order.
    """
    before = list(traffic.seen)
    for worker in cast.workers:
        cast.end(worker)
    cast.workers.clear()
    cast.chunks = ()  # as shipped: many small ones take long, and show nothing here
    if workload.retires:
        cast.settings = NEVER  # what the answers are is not to depend on when they are asked for
    cast.add()
    cast.ready()
    traffic.quiet(2)
    result.state_wrong += _complain(result, "said unasked, after stops in order", len(traffic.seen) - len(before))
    start = len(traffic.seen)
    questions = [question for batch in workload.batches.values() for question in _questions(batch)]
    inputs = [*traffic.inputs, *cast.stage.io.produce([question.message for question in questions])]
    drain(cast.stage, traffic)
    result.state_batches = len(workload.batches)
    answers = traffic.seen[start:]
    known = {_about(output): output for output in reversed(before)}
    result.state_wrong += sum(_complain(result, what) for what in _compare(workload, known, answers))
    verdict = judge(inputs, [output.record for output in traffic.seen], retires=workload.retires)
    result.state_wrong += verdict.lost + verdict.wrong
    result.details += [line for line in verdict.details if not line.startswith("repeated")]


def _complain(result: Result, what: str, times: int = 1) -> int:
    if times:
        result.details.append(f"state: {what}" + (f" ({times})" if times > 1 else ""))
    return times


@dataclass(frozen=True)
class _Question:
    batch: Batch
    message: Message


def _questions(batch: Batch) -> Iterator[_Question]:
    registration = batch.message(batch.registration)
    yield _Question(batch, redelivered_message(registration) if batch.kind.registered else registration)
    if batch.kind.registered and batch.kind.contents:
        yield _Question(batch, redelivered_message(batch.message(Token("C", 0, 0))))
    yield _Question(batch, batch.message(LATE))


def _compare(workload: Workload, known: dict[object, Seen], answers: list[Seen]) -> Iterator[str]:
    """What is wrong with the answers: the repeats one by one, all the rest by count."""
    batches = list(workload.batches.values())
    by_subject: dict[object, list[Seen]] = {}
    for answer in answers:
        by_subject.setdefault(_about(answer), []).append(answer)
    late = Counter(answer.batch.name for answer in answers if answer.batch is not None and is_late(answer))
    for batch in batches:
        if workload.retires and batch.closes:
            if late[batch.name] != _due(batch):
                yield f"{batch.name} was retired, and {late[batch.name]} of {_due(batch)} contents came too late for it"
        elif batch.kind.registered and batch.kind.contents:
            yield from _again(batch, known, by_subject)
    for event_id, number in count_by_id(answers).items():
        if number > 1:
            yield f"event {event_id} came {number} times"
    due = sum(map(_due, batches))
    if len(answers) != due:
        yield f"{len(answers)} answers, not {due}"
    texts = {batch.name: [*batch.texts, batch.text(LATE)] for batch in batches}
    everything = [*known.values(), *answers]
    now = [replace(batch, kind=replace(batch.kind, registered=True)) for batch in batches]
    yield from (problem.what for problem in count(now, everything, texts))


def _again(batch: Batch, known: Mapping[object, Seen], answers: Mapping[object, Sequence[Seen]]) -> Iterator[str]:
    """What is wrong with the answer to a content that came again."""
    text = batch.text(Token("C", 0, 0))
    first = known.get((topics.SLOT, text)) or known.get((topics.EXCESS, text))
    if first is None:
        return  # lost: the audit has said so
    same = answers.get(_about(first), [])
    if len(same) != 1 or same[0].record.header("event_id") != first.record.header("event_id"):
        yield f"{text} again: {len(same)} answers, not the one with the first one's event id"
    elif data_bytes(same[0]) != data_bytes(first):
        yield f"{text} again: another answer: {data_bytes(same[0])!r}, first {data_bytes(first)!r}"


def _due(batch: Batch) -> int:
    """How many answers the questions about a batch have."""
    kind = batch.kind
    if not kind.registered:  # slots for the pending ones and the new one, ready, completed
        return kind.contents + 1 + 2
    if kind.contents + kind.failures < kind.slots:  # the repeat, the new slot, ready, completed, errors if one failed
        return 1 + 1 + 2 + (kind.failures > 0)
    return (kind.contents > 0) + 1  # the repeat, the excess


def _about(output: Seen) -> object:
    """What an output is about: topic and text, or its event id where there is none."""
    if output.batch is not None and output.record.topic in {topics.SLOT, topics.EXCESS}:
        return output.record.topic, output.text
    return output.record.header("event_id") or output.record
