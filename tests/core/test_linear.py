"""The work for a large batch grows with its uploads, not with their square: steps are counted, no time is taken."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from app.core.batch import Batch
from app.core.events import Content, Failure, Policy, Position, Registration, Source, Tick
from app.core.fold import Step, fold
from app.core.replay import replay
from tests.core.acting import discard, discard_upload, extend, force, reopen

POLICY = Policy(pending_ttl=1000, readiness_timeout=0)

#: Twice as many uploads may take so many times the steps: 2, and a little for what is done once.
LINEAR = 2.2


def steps(work: Callable[[], object]) -> int:
    """How many instructions of Python a piece of work takes."""
    return _monitored(work) if sys.version_info >= (3, 12) else _traced(work)


def _traced(work: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _monitored(work: Callable[[], object]) -> int:
    """As `_traced`, which from Python 3.12 on does not count the first instructions of a function alike each time."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore] # Python 3.11 has none
    count = 0

    def instruction(*_: object) -> None:
        nonlocal count
        count += 1

    monitoring.use_tool_id(monitoring.PROFILER_ID, __name__)
    try:
        monitoring.register_callback(monitoring.PROFILER_ID, monitoring.events.INSTRUCTION, instruction)
        monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.INSTRUCTION)
        work()
        monitoring.set_events(monitoring.PROFILER_ID, 0)
    finally:
        monitoring.free_tool_id(monitoring.PROFILER_ID)
    return count


def content(number: int) -> Content:
    return Content(f"b.upload-{number:04d}", f"t{number}", "essay.txt", "c", 0)


def failure(number: int) -> Failure:
    return Failure(f"b.upload-{number:04d}", "essay.txt", "EMPTY", "{}", "c", 0)


def registration(slots: int) -> Registration:
    return Registration(tuple(f"e{number}" for number in range(slots)), "ENG5", "user", None, None, None, None, "c", 0)


class Played:
    """A batch, with an upload a record."""

    def __init__(self, batch_id: str = "b") -> None:
        self.batch = Batch(batch_id)
        self.at = 0
        self.steps: list[Step] = []

    def do(self, *events: Any) -> "Played":
        for event in events:
            source = Source(1, 0, self.at)
            step = fold(self.batch, event, Position(self.at, self.at, source), POLICY)
            self.steps.append(step)
            self.at += 1
        return self


def holding(count: int) -> Played:
    return Played().do(*map(content, range(count)))


def expire(count: int) -> Callable[[], object]:
    found = holding(count)
    return lambda: found.do(Tick(10**9))


def expire_with_aliases(count: int) -> Callable[[], object]:
    found = holding(count)
    found.do(*(Content(f"again{number}", f"t{number}", "essay.txt", "c", 0) for number in range(count)))
    return lambda: found.do(Tick(10**9))


def discard_all(count: int) -> Callable[[], object]:
    found = holding(count)
    return lambda: found.do(discard())


def reconcile(count: int) -> Callable[[], object]:
    found = holding(count)
    return lambda: found.do(registration(count))


def fill_after_an_act(count: int) -> Callable[[], object]:
    found = Played().do(registration(count), extend(5), content(0), force(), reopen())
    return lambda: found.do(*map(content, range(1, count // 2)), *map(failure, range(count // 2, count)))


def excess_after_an_act(count: int) -> Callable[[], object]:
    found = Played().do(registration(count), content(0), force())
    return lambda: found.do(*map(content, range(1, count)))


def retake(count: int) -> Callable[[], object]:
    found = Played().do(registration(1), *map(content, range(count)))
    return lambda: found.do(reopen(*(f"new{number}" for number in range(count))))


def overlapping_rows(count: int) -> Callable[[], object]:
    facts = [fact for step in holding(count).do(registration(count)).steps for fact in step.facts]
    rows = [*([fact] for fact in facts[: count // 2]), facts, facts[count // 2 :]]
    return lambda: replay("b", rows)


CASES = [
    expire,
    expire_with_aliases,
    discard_all,
    reconcile,
    fill_after_an_act,
    excess_after_an_act,
    retake,
    overlapping_rows,
]


@pytest.mark.parametrize("case", CASES)
def test_twice_as_many_uploads_take_twice_the_steps(case: Callable[[int], Callable[[], object]]) -> None:
    few, many = steps(case(150)), steps(case(300))
    assert many < LINEAR * few


def test_discarding_uploads_one_by_one_is_linear_too() -> None:
    def one_by_one(count: int) -> Callable[[], object]:
        found = holding(count)
        return lambda: found.do(*(discard_upload(number) for number in reversed(range(count))))

    assert steps(one_by_one(200)) < LINEAR * steps(one_by_one(100))
