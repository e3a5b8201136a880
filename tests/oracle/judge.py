"""Compares what went in with what came out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.oracle import topics
from tests.oracle.emitted import DeadLetter, Emitted, read_dead_letters, read_events
from tests.oracle.expected import Expected, Identity, expected_outputs
from tests.oracle.observed import Observed
from tests.oracle.outcome import Outcome, outcome
from tests.oracle.reading import read
from tests.oracle.records import Event, InputRecord, OutputRecord, Position, Registration, Upload
from tests.oracle.retired import check_closed, decisive, is_retired
from tests.oracle.timed import TIMED, check_timed
from tests.oracle.values import differences, normal
from tests.oracle.verdict import Verdict

#: Reasons of dead letters of messages that are good in themselves.
CONFLICTS = {topics.REGISTRATION_CONFLICT, topics.UPLOAD_CONFLICT, topics.TEXT_ID_TOO_LONG}


@dataclass(frozen=True)
class _Rules:
    ordered: bool
    retires: bool
    completed_events: bool


def judge(
    inputs: Sequence[InputRecord],
    outputs: Sequence[OutputRecord],
    *,
    ordered: bool = False,
    completed_events: bool = True,
    retires: bool = False,
    batches: set[str] | None = None,
) -> Verdict:
    """Judge a finished run: all inputs were taken, and nothing more is to come.

    `ordered`: the inputs are in the order in which the batches' log has them, so the outcome is known exactly.
    Without it only what is true of every interleaving of the input partitions is demanded. `retires`: batches are
    retired while it runs, and no receipt is forgotten; else nothing may be refused for that. `batches` limits the
    verdict on events to these batches; dead letters are judged for all inputs. Never raises for what it is given to
    judge.
    """
    verdict = Verdict()
    events = read_events(outputs, verdict)
    dead = read_dead_letters(outputs, inputs, verdict)
    rules = _Rules(ordered, retires, completed_events)
    usable = _usable(inputs, dead, rules, verdict)
    by_batch: dict[str, list[Event]] = {}
    for event in usable:
        by_batch.setdefault(event.batch, []).append(event)
    emitted: dict[str, list[Emitted]] = {}
    for verdict_of in events:
        emitted.setdefault(verdict_of.batch, []).append(verdict_of)
    for batch in by_batch.keys() | emitted.keys():
        if batches is None or batch in batches:
            verdict.add(_judge_batch(batch, by_batch.get(batch, []), dead, emitted.get(batch, []), rules))
    for position, letters in dead.items():
        if len(letters) > 1:
            verdict.repeat(len(letters) - 1, f"dead letter of {position}")
    return verdict


def _usable(
    inputs: Sequence[InputRecord], dead: Mapping[Position, list[DeadLetter]], rules: _Rules, verdict: Verdict
) -> list[Event]:
    """Return the inputs that are events; a malformed one must be a dead letter, a good one only for a conflict."""
    usable: list[Event] = []
    conflicts = CONFLICTS | {topics.BATCH_RETIRED} if rules.retires else CONFLICTS
    for record in inputs:
        reading = read(record)
        reason = dead[record.position][0].reason if record.position in dead else None
        if reading.event is None:
            why = reading.malformed.why if reading.malformed else ""
            if reason is None:
                verdict.lose(f"{record.position} ({why}) has no dead letter")
            elif reason in conflicts:
                verdict.fault(f"{record.position} ({why}) was refused as {reason}")
            continue
        if reason is None:
            usable.append(reading.event)
        elif reason in conflicts:
            usable.append(reading.event)
            due = _reasons(reading.event)
            if reason not in due:
                verdict.fault(f"{record.position} was refused as {reason}, not {' or '.join(due)}")
        elif not reading.open:
            verdict.fault(f"{record.position} is a good message and was refused as {reason}")
    return usable


def _reasons(event: Event) -> tuple[str, ...]:
    """Why a message that is good in itself may be refused."""
    if isinstance(event, Registration):
        return (topics.REGISTRATION_CONFLICT,)
    if event.text is None:
        return (topics.UPLOAD_CONFLICT, topics.BATCH_RETIRED)
    return (topics.UPLOAD_CONFLICT, topics.TEXT_ID_TOO_LONG, topics.BATCH_RETIRED)


def _judge_batch(
    batch: str,
    inputs: Sequence[Event],
    dead: Mapping[Position, list[DeadLetter]],
    emitted: Sequence[Emitted],
    rules: _Rules,
) -> Verdict:
    seen: dict[Identity, Emitted] = {}
    for event in emitted:
        seen.setdefault(event.identity, event)
    counts = Counter(event.identity for event in emitted)
    refused = {
        event.record.position: dead[event.record.position][0].reason
        for event in inputs
        if event.record.position in dead
    }
    exact = rules.ordered and not any(identity[0] == topics.EXPIRED for identity in seen)
    if exact:
        verdict = Verdict()
        found = outcome(decisive(batch, inputs, refused, verdict))
        check_closed(batch, inputs, refused, verdict, complete=found.complete)
        verdict.add(_conflict_verdict(batch, found, refused))
        verdict.add(
            compare(expected_outputs(found, completed_events=rules.completed_events), seen, counts, exact_times=True)
        )
    else:
        observed = Observed(batch, inputs, refused, seen)
        outcomes = observed.outcomes()
        verdict = observed.verdict
        allowed = Counter(
            event.text for event in inputs if isinstance(event, Upload) and not is_retired(event, refused)
        )
        compared = [
            compare(_often(expected_outputs(event, completed_events=rules.completed_events), allowed), seen, counts)
            for event in outcomes
        ]
        if compared:
            verdict.add(min(compared, key=lambda event: (event.wrong + event.lost, event.repeated)))
    check_timed(batch, inputs, seen, counts, verdict)
    return verdict


def _often(expected: Sequence[Expected], allowed: Mapping[str | None, int]) -> list[Expected]:
    """Allow an answer for every input that has the text."""
    return [
        replace(output, times=allowed[output.identity[2]] if len(output.identity) > 2 else 1) for output in expected
    ]


def _conflict_verdict(batch: str, found: Outcome, refused: Mapping[Position, str]) -> Verdict:
    verdict = Verdict()
    due = {event.record.position: _reasons(event)[0] for event in found.conflicts}
    due |= {event.record.position: topics.TEXT_ID_TOO_LONG for event in found.refused}
    for position in due.keys() - refused.keys():
        verdict.lose(f"{batch}: {position} is a dead letter, {due[position]}, and there is none")
    for position, reason in refused.items():
        if reason not in {due.get(position), topics.BATCH_RETIRED}:
            verdict.fault(f"{batch}: {position} was refused as {reason}, and is {due.get(position) or 'none'}")
    return verdict


def compare(
    expected: Sequence[Expected],
    seen: Mapping[Identity, Emitted],
    counts: Mapping[Identity, int],
    *,
    exact_times: bool = False,
) -> Verdict:
    """Compare one batch's events, timed ones excepted, with what must be.

    `exact_times`: every repeated input must have been answered too.
    """
    verdict = Verdict()
    due = {event.identity: event for event in expected}
    for identity in seen:
        if identity not in due and identity[0] not in TIMED:
            verdict.fault(f"{identity} must not be: {seen[identity].data_bytes[:300]!r}")
    for identity, output in due.items():
        event = seen.get(identity)
        if event is None:
            verdict.lose(f"{identity} was never emitted")
            continue
        for difference in _least(output, event):
            verdict.fault(f"{identity}: {difference}")
        if normal(event.envelope.get("correlation_id"), "correlation_id") != output.correlation_id:
            verdict.fault(
                f"{identity}: envelope correlation id {event.envelope.get('correlation_id')}, "
                f"not {output.correlation_id}"
            )
        if output.traceparents and event.traceparent not in output.traceparents:
            verdict.fault(f"{identity}: traceparent {event.traceparent!r} is none of {sorted(output.traceparents)}")
        if counts[identity] > output.times:
            verdict.repeat(counts[identity] - output.times, str(identity))
        if exact_times and counts[identity] < output.times:
            verdict.lose(f"{identity} answered {counts[identity]} of {output.times} inputs")
    return verdict


def _least(expected: Expected, event: Emitted) -> list[str]:
    """In what an event differs from the variant of what is expected that it is nearest to."""
    variants = [expected.data] if expected.variants is None else expected.variants(event.data)
    found = [differences(data, event.data) for data in variants]
    return min(found, key=len, default=["it may not have these lists"])
