"""No test asserts on the speed of this machine; see `patience`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import slowness

TESTS = Path(__file__).resolve().parents[1]
LEAST = 60  # seconds: a shorter wait for something that must happen is a bet on the machine
WAITS = {"within", "timeout"}
BOUNDED = {"timeout", "wait_for", "wait_end", "wait_ready", "result"}  # the last argument is a bound in seconds
CLOCKS = {"monotonic", "perf_counter", "time"}
PATIENT = {"PATIENCE", "LONG", "slowness", "deadline", "end"}
# What is expected not to happen, or is asked again and again: a short wait is right there.
SHORT = {
    "tests/worker/shared/test_harness.py",  # waits that must run out
    "tests/worker/shared/test_inputs.py",  # a first look; what is not there yet is waited for after it
    "tests/crash/world.py",  # virtual seconds
    "tests/support/worker.py",  # a request to a worker that may be paused; who needs its answer asks again
    "tests/ops/prometheus.py",  # the same
}


def names(node: ast.AST) -> set[str]:
    """All names and attributes below a node."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def calls(node: ast.AST, *, deep: bool = True) -> set[str]:
    """The last names of what is called, by a node or anywhere below it."""
    functions = [part.func for part in (ast.walk(node) if deep else [node]) if isinstance(part, ast.Call)]
    return {
        function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "") for function in functions
    }


def measured(node: ast.AST) -> bool:
    """Whether a value is a time that has passed: the difference of two readings, or what a worker's stop took."""
    return "stop" in calls(node) or (isinstance(node, ast.BinOp) and bool(calls(node) & CLOCKS))


def defaults(of: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The parameters of a function that have a default, each with it."""
    yield from zip(of.args[::-1], of.defaults[::-1], strict=False)
    yield from zip(of.kwonlyargs, of.kw_defaults, strict=True)


def short(value: ast.expr | None) -> bool:
    """Whether it is a number of seconds that a busy machine may need for something trivial."""
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value < LEAST


def hasty(source: str) -> Iterator[int]:
    """The lines that bet on the machine's speed: a measured time is compared, or a wait is short."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assert(test=test) if any(map(compares, ast.walk(test))):
                yield node.lineno
            case ast.Call(args=[*_, last]) if calls(node, deep=False) & BOUNDED and short(last):
                yield node.lineno
            case ast.Assign(targets=[ast.Name(id="deadline")], value=ast.BinOp(left=begin, right=end)) if calls(
                begin
            ) & CLOCKS and short(end):
                yield node.lineno
            case ast.keyword(arg=str(name), value=value) if name in WAITS and short(value):
                yield value.lineno
            case ast.arguments():
                yield from [arg.lineno for arg, default in defaults(node) if arg.arg in WAITS and short(default)]
            case _:
                pass


def compares(node: ast.AST) -> bool:
    """Whether a measured time has to be less than something that doesn't know how busy the machine is."""
    return (
        isinstance(node, ast.Compare)
        and measured(node.left)
        and isinstance(node.ops[0], ast.Lt | ast.LtE)
        and not names(node) & PATIENT
    )


@pytest.mark.parametrize(
    "source",
    [
        "assert time.monotonic() - began < 5",
        "assert worker.stop() < 10",
        "reader.require(done, 'a record', within=20)",
        "def until(done, within: float = 20): ...",
        "asyncio.timeout(5)",
        "task.result(10)",
        "deadline = time.monotonic() + 30",
    ],
)
def test_a_bet_on_the_speed_of_the_machine_is_found(source: str) -> None:
    assert list(hasty(source)) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "assert time.monotonic() < deadline, 'not there'",
        "assert seconds < 10 * slowness()",
        "reader.require(done, 'a record', within=90)",
        "def until(done, within: float = PATIENCE): ...",
    ],
)
def test_a_generous_wait_is_not_reported(source: str) -> None:
    assert list(hasty(source)) == []


def test_no_test_bets_on_the_speed_of_the_machine() -> None:
    found = [
        f"{path.relative_to(TESTS.parent)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in hasty(path.read_text("utf-8"))
        if str(path.relative_to(TESTS.parent)) not in SHORT
    ]
    assert found == []


def test_a_machine_is_never_taken_for_faster_than_it_is() -> None:
    assert slowness() >= 1
