"""How the log is cut into chunks, and what is folded again after a crash, changes nothing."""

import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from app.core import names
from app.engine.state.memory_store import MemoryStore
from app.wire.record import is_tick
from tables import keys
from tests.agents.log import Log, Output, Worker
from tests.core.examples import examples
from tests.core.play import SECOND, sent
from tests.core.sequences import sequences
from tests.support.events import Message

BATCHES = ("a", "b")
POLICY = {"pending_ttl_seconds": 8, "readiness_timeout_seconds": 12}  # in records of the log, a second each
KINDS = st.sampled_from(["input"] * 8 + ["tick", "late tick", "bad", "again"])
CUTS = st.sets(st.integers(1, 40), max_size=8)


def worker_of(capacity: int = 100_000) -> Worker:
    return Worker(MemoryStore(), capacity, **POLICY)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Return a log of two batches, with ticks, bad messages, and inputs that the repartitioner sent again."""
    waiting = [sent(draw(sequences()), batch) for batch in BATCHES]
    log = Log()
    while any(waiting):
        kind = draw(KINDS)
        if kind == "input":
            queue = draw(st.sampled_from([queue for queue in waiting if queue]))
            log.send(queue.pop(0), partition=draw(st.integers(0, 1)))
        elif kind == "tick":
            log.tick()
        elif kind == "late tick":
            log.tick(log.time + 5 * SECOND)
        elif kind == "bad":
            log.send(Message(names.CONTENT, b"k", b"bad"), partition=draw(st.integers(0, 1)))
        else:
            known = [record for record in log.records if record.headers[0][0] == "s"]
            if known:
                log.again(draw(st.sampled_from(known)))
    return log


@examples(90)
@given(logs(), CUTS, st.sampled_from([1, 100_000]))
def test_any_split_of_the_same_log_gives_the_same_outputs_and_the_same_state(
    log: Log, cuts: set[int], capacity: int
) -> None:
    whole = worker_of().run(log.records)
    parts = worker_of(capacity).run(log.records, sorted(cuts))
    assert by_batch(parts.outputs) == by_batch(whole.outputs)
    assert parts.states(BATCHES) == whole.states(BATCHES)
    assert parts.live(BATCHES) == whole.live(BATCHES) == whole.states(BATCHES)
    assert parts.rows() == whole.rows()


@examples(60)
@given(logs(), CUTS)
def test_a_restart_between_any_two_chunks_changes_nothing(log: Log, cuts: set[int]) -> None:
    whole = worker_of().run(log.records)
    worker = worker_of()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(log.records)), len(log.records)]
    for start, end in pairwise(bounds):
        worker.start()
        worker.run(log.records[start:end])
    assert by_batch(worker.outputs) == by_batch(whole.outputs)
    assert worker.states(BATCHES) == whole.states(BATCHES)
    assert worker.rows() == whole.rows()


def log_with_an_expiry_and_a_later_registration() -> Log:
    log = Log()
    first, registered = sent("C0 R2", "a")
    log.send(first)
    log.tick(log.time + 20 * SECOND)
    log.send(registered)
    return log


@examples(90)
@given(logs(), CUTS, st.integers(0, 40), st.integers(0, 40))
@example(log_with_an_expiry_and_a_later_registration(), set(), 3, 3)
def test_what_is_folded_again_after_a_crash_changes_nothing_and_says_nothing_new(
    log: Log, cuts: set[int], done: int, back: int
) -> None:
    """At least once: the changelog has a chunk, its offset was never committed, and the log is read again."""
    whole = worker_of().run(log.records)
    worker = worker_of()
    done = min(done, len(log.records))
    if done:
        worker.run(log.records[:done])
    worker.start()
    start = max(0, done - back)
    shifted = sorted(cut - start for cut in cuts)
    if log.records[start:]:
        worker.run(log.records[start:], shifted)

    assert worker.states(BATCHES) == worker.live(BATCHES) == whole.states(BATCHES)
    assert worker.rows() == whole.rows()
    assert distinct(worker.outputs) == distinct(whole.outputs)


@examples(90)
@given(logs(), CUTS, st.integers(0, 12), st.integers(0, 12))
def test_a_chunk_of_which_the_changelog_took_a_beginning_only_is_made_whole_by_folding_it_again(
    log: Log, cuts: set[int], torn: int, rows: int
) -> None:
    """At least once: a chunk of over a megabyte goes out in several batches, and a crash may come between them."""
    whole = worker_of().run(log.records)
    worker = worker_of()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(log.records)), len(log.records)]
    for number, (start, end) in enumerate(pairwise(bounds)):
        if number == torn % (len(bounds) - 1):
            work = worker.join.fold(log.records[start:end])
            worker.outputs += work.outputs  # all acknowledged before the first row
            worker.store.write(list(work.rows.items())[:rows], 0)
            worker.start()
        worker.run(log.records[start:end])

    assert worker.states(BATCHES) == worker.live(BATCHES) == whole.states(BATCHES)
    assert distinct(worker.outputs) == distinct(whole.outputs)
    assert worker.tables.watermarks() == whole.tables.watermarks()
    # A row of `waiting` too many may be left, never one too few; what is too many goes when it is looked up.
    assert worker.rows().items() >= whole.rows().items()
    extra = {key[:1] for key in worker.rows().keys() - whole.rows().keys()}
    assert extra <= {keys.WAITING} or any(is_tick(record.headers) for record in log.records)
    last = [log.tick(log.time + 1000 * SECOND)]
    assert distinct(worker.run(last).outputs) == distinct(whole.run(last).outputs)
    assert worker.join.deadline() == whole.join.deadline() is None


def test_what_a_crash_left_undeleted_after_a_tick_is_deleted_when_the_tick_is_folded_again() -> None:
    log = Log()
    log.send(sent("C0", "a")[0])
    log.tick(log.time + 20 * SECOND)
    whole = worker_of().run(log.records)
    count = len(worker_of().run(log.records[:1]).join.fold(log.records[1:]).rows)
    for rows in range(count + 1):
        worker = worker_of().run(log.records[:1])
        work = worker.join.fold(log.records[1:])
        worker.store.write(list(work.rows.items())[:rows], 0)
        worker.start()
        worker.run(log.records[1:])
        assert worker.rows() == whole.rows(), f"{rows} of {count} rows"


def by_batch(outputs: Sequence[Output]) -> dict[str, list[Output]]:
    """Return outputs by batch, each in order: a tick finds batches in an order that depends on the chunks."""
    found: dict[str, list[Output]] = {}
    for output in outputs:
        batch = "dead letters" if output[0] == names.DEAD_LETTER else json.loads(output[2] or b"")["data"]["batch_id"]
        found.setdefault(batch, []).append(output)
    return found


def distinct(
    outputs: Sequence[Output],
) -> set[tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]]:
    """Return outputs without repeats; the time of emission is always the same here, so they are byte for byte."""
    return {(topic, key, value, tuple(headers)) for topic, key, value, headers in outputs}
