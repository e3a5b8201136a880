"""Judges a run: nothing lost, nothing wrong, nothing repeated that may not be, and state that is the fold of the log.

Each violation begins with the name of the check that saw it:

=============  =======================================================================================================
check          what it says
=============  =======================================================================================================
``lost``       the oracle: an input without its outcome, or an outcome that nobody was told
``wrong``      the oracle: a slot given twice, an upload in two slots, a count off by one, a repeat that differs
``repeated``   the oracle: more outputs than inputs call for, where none may be repeated
``unsaid``     an output that the fold of the log calls for is missing
``unfounded``  an output that the fold of the log does not call for, or too often where none may be repeated
``state``      the changelog alone does not say what the fold of the log says
``copy``       the local store does not say that, or has other rows than the changelog
``unrest``     the log grows while nothing is due
``failed``     a worker ended that was not fenced
``stuck``      the run does not come to rest
``residue``    no violation: rows that are left over and are passed over when they are met
=============  =======================================================================================================
"""

import struct
from functools import cache
from itertools import chain

from app.core.facts import Registered
from app.core.names import INPUTS, OUTPUTS
from app.engine.state import origin
from app.engine.topics.ensure import log_topic
from tables import keys, receipts
from tests.crash.golden import Facts, Said, facts_in, fold_logs, name_of, said_on
from tests.crash.result import Result, Rows
from tests.oracle import InputRecord, OutputRecord, judge

_SOURCE = struct.Struct(">BIQ")  # as the log's records say where they came from; written out a second time on purpose
#: Not a violation: what is left over, and does nothing.
RESIDUE = "residue"

#: The tables of which a row too many is passed over when it is met.
_SUPERFLUOUS = (keys.PENDING, keys.WAITING, keys.CLOSED, keys.RECEIPT_ORDER, keys.PROGRESS)

_MOST = 8  # violations of one check that are told

#: What the oracle said about inputs and outputs that it has seen before: it is a function of the two alone.
_Judged = tuple[tuple[str, str], ...]


def violations(result: Result, *, judged: bool = True) -> list[str]:
    """What is wrong with a run; empty when all is well. Not to be called while the engine is mutated.

    ``judged``: by the oracle, too. It knows no ticks, so no batches that were retired.
    """
    found = list(result.problems)
    scenario = result.scenario
    repeats_allowed = scenario.crash is not None and not result.settings.exactly_once
    said = said_on(result.broker, OUTPUTS)
    verdict = _judged(_inputs(result), frozenset(said.items())) if judged else ()
    for kind, detail in verdict:
        if kind != "repeated" or not repeats_allowed:
            found.append(f"{kind}: {detail}")
    if any(problem.startswith("stuck") for problem in result.problems):
        return found
    golden = fold_logs(result.broker.topic(log_topic(result.settings)), result.then, result.settings)
    unsaid = [output for output in golden.said if output not in said]
    found += [f"unsaid: {name_of(output)}" for output in unsaid[:_MOST]]
    for output, count in said.items():
        due = golden.said[output]
        if not due or (count != due and not repeats_allowed):
            found.append(f"unfounded: {name_of(output)}, {count} times, not {due}")
    torn = scenario.crash is not None and not result.settings.exactly_once
    found += _differences("state", golden.rows_then, result.restored, torn=torn, late=scenario.zombie)
    found += _differences("state", golden.rows, result.final, torn=torn, late=scenario.zombie)
    found += _differences("copy", golden.rows_then, result.stores, torn=torn, late=scenario.zombie)
    if not scenario.zombie and result.stores != result.restored:
        found.append("copy: the local store has other rows than the changelog")
    return found


def _inputs(result: Result) -> tuple[InputRecord, ...]:
    """The inputs in the order in which the log first has them; those that it does not have come last."""
    found: dict[tuple[str, int, int], None] = {}
    for log in result.broker.topic(log_topic(result.settings)):
        for record in log.records:
            source = dict(record.headers).get("s")
            if source is not None:
                code, partition, offset = _SOURCE.unpack(source)
                found.setdefault((INPUTS[code], partition, offset))
    by_place = {
        (record.topic, record.partition, record.offset): InputRecord(
            record.topic, record.partition, record.offset, record.key, record.value
        )
        for topic in INPUTS
        for log in result.broker.topic(topic)
        for record in log.records
    }
    ordered = [by_place[place] for place in found if place in by_place]
    return (*ordered, *(output for place, output in by_place.items() if place not in found))


@cache
def _judged(inputs: tuple[InputRecord, ...], said: frozenset[tuple[Said, int]]) -> _Judged:
    outputs = [
        OutputRecord(topic, 0, number, key, value, tuple((name, text or b"") for name, text in headers))
        for number, (topic, key, value, headers) in enumerate(
            output for output, count in sorted(said, key=repr) for _ in range(count)
        )
    ]
    verdict = judge(inputs, outputs, ordered=True)
    return tuple((detail.partition(":")[0].split()[0], detail.partition(": ")[2]) for detail in verdict.details)


def _differences(check: str, due: Rows, given: Rows, *, torn: bool, late: bool) -> list[str]:
    """Where the rows of the partitions differ in what they say. ``torn``: see :func:`_other_rows`. ``late``: a worker
    that was paused may have written some of what is gone.
    """
    found = []
    for number, (output, other) in enumerate(zip(due, given, strict=True)):
        facts, other_facts = facts_in(output), facts_in(other)
        left = _left_of_gone(output, other, facts, other_facts)
        kind = RESIDUE if torn and late else check
        found += [f"{kind}: partition {number}, batch {batch.decode()}: rows of what is gone" for batch in sorted(left)]
        found += [
            f"{check}: partition {number}, batch {batch.decode()}: {_differing(facts, other_facts, batch)}"
            for batch in sorted((facts.keys() | other_facts.keys()) - left)
            if facts.get(batch) != other_facts.get(batch)
        ]
        found += _other_rows(check, number, output, other, torn=torn)
    return found[:_MOST]


def _left_of_gone(one: dict[bytes, bytes], other: dict[bytes, bytes], facts: Facts, given: Facts) -> set[bytes]:
    """The batches that were retired, or forgotten, of which there are rows none the less.

    Those with a receipt have no other rows that count. What a worker that was paused has written of a batch which was
    never registered may come back, as it may while it waits.
    """
    gone = {batch for batch in given.keys() - facts.keys() if receipts.key(batch.decode()) in other}
    retires = any(key.startswith(keys.PROGRESS) for key in one)
    held = {batch for batch in given.keys() - facts.keys() if not any(map(_registers, chain(*given[batch].values())))}
    return gone | (held if retires else set())


def _registers(fact: object) -> bool:
    return isinstance(fact, Registered)


def _differing(output: Facts, other: Facts, batch: bytes) -> str:
    left, right = output.get(batch, {}), other.get(batch, {})
    offsets = [at for at in sorted(left.keys() | right.keys()) if left.get(at) != right.get(at)]
    return ", ".join(f"at {at} {left.get(at)} has become {right.get(at)}" for at in offsets[:2])


def _other_rows(
    check: str, number: int, output: dict[bytes, bytes], other: dict[bytes, bytes], *, torn: bool
) -> list[str]:
    """Where the rows beside the facts differ.

    ``torn``: at least once, a crash may leave the beginning of a chunk's rows in the changelog, and a worker that was
    paused may write some late. A row too many, and a watermark that is behind, are then ``residue``; a row that is
    missing never is.
    """
    found = []
    for key in sorted(output.keys() | other.keys()):
        if key.startswith((keys.BATCHES, origin.KEY)) or output.get(key) == other.get(key):
            continue  # facts are compared by themselves; whose state it is does not follow from the log
        behind = key.startswith((keys.SOURCES, keys.GENERATIONS)) and other.get(key, b"") < output.get(key, b"")
        harmless = torn and (behind or (key.startswith(_SUPERFLUOUS) and key not in output))
        before, after = ((rows.get(key) or b"none")[:60] for rows in (output, other))
        found.append(f"{RESIDUE if harmless else check}: partition {number}, row {key!r}: {before!r}, now {after!r}")
    return found
