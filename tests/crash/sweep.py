"""Which scenarios there are, and what came of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from tests.crash.checks import RESIDUE
from tests.crash.jobs import JOBS
from tests.crash.operations import Operation
from tests.crash.patches import simulated
from tests.crash.result import Result
from tests.crash.scenario import Point, Scenario
from tests.crash.world import run

Mutation = Callable[[], AbstractContextManager[None]]

#: A zombie may wake while its successor is at one of its first so many operations: it joins, fences, restores, begins.
_EARLY = 40


@dataclass
class Report:
    """How many runs of each kind there were, what was found, and which runs left rows behind that do nothing."""

    runs: Counter[str] = field(default_factory=Counter)
    found: list[tuple[Scenario, str]] = field(default_factory=list)
    bad: set[Scenario] = field(default_factory=set)
    residue: set[Scenario] = field(default_factory=set)

    def add(self, kind: str, scenario: Scenario, found: Iterable[str]) -> None:
        """Take a run in."""
        self.runs[kind] += 1
        for finding in found:
            if finding.startswith(RESIDUE):
                self.residue.add(scenario)
                continue
            self.found.append((scenario, finding))
            self.bad.add(scenario)

    @property
    def checks(self) -> Counter[str]:
        """How many violations each check saw."""
        return Counter(finding.partition(":")[0] for _, finding in self.found)

    def lines(self, most: int = 10) -> Iterator[str]:
        """The first violations of some runs, each with the line that repeats it."""
        told: Counter[Scenario] = Counter()
        for scenario, finding in self.found:
            told[scenario] += 1
            if len(told) > most:
                yield f"... and {len(self.bad) - most} more runs"
                return
            if told[scenario] == 1:
                yield scenario.command
            if told[scenario] <= 3:
                yield f"    {finding}"


def examine(scenario: Scenario, mutation: Mutation = nullcontext) -> tuple[Result, list[str]]:
    """Run a scenario, with the engine mutated or not, and judge it with everything as it should be."""
    with simulated():
        with mutation():
            result = run(scenario)
        return result, JOBS[scenario.job].violations(result)


def crashes(
    seed: int, guarantee: str, *, mutation: Mutation = nullcontext, at: str = "", job: str = "essays"
) -> list[Scenario]:
    """Every single crash: each operation of the first worker, on both sides of its effect, with and without a wipe.

    ``at`` limits it to operations with this in their name.
    """
    return [
        Scenario(seed, guarantee, crash=point, wipe=wipe, job=job)
        for point, operation in _points(seed, guarantee, mutation, job)
        if at in operation.name
        for wipe in (False, True)
    ]


def zombies(
    seed: int, guarantee: str, *, mutation: Mutation = nullcontext, at: str = "", job: str = "essays"
) -> list[Scenario]:
    """Every pause: each request of the first worker, on both sides of its effect.

    It wakes when its successor has done everything, and in a second run somewhere in the beginning of its successor.
    A local write is no place of its own to pause at: nobody else sees it.
    """
    rng = Random(f"zombies {seed}")  # noqa: S311 - a seed, so that a run can be repeated
    found = _points(seed, guarantee, mutation, job)
    points = [point for point, operation in found if operation.kind != "local" and at in operation.name]
    late = [Scenario(seed, guarantee, crash=point, zombie=True, job=job) for point in points]
    early = [
        Scenario(seed, guarantee, crash=point, zombie=True, wake=rng.randint(1, _EARLY), job=job) for point in points
    ]
    return late + early


def keepers(
    seed: int, guarantee: str, *, mutation: Mutation = nullcontext, at: str = "", job: str = "essays"
) -> list[Scenario]:
    """The pauses of :func:`zombies`, with a worker that keeps all it had over the time of another one."""
    return [replace(scenario, keeps=True) for scenario in zombies(seed, guarantee, mutation=mutation, at=at, job=job)]


def pairs(
    seed: int, guarantee: str, count: int, *, mutation: Mutation = nullcontext, job: str = "essays"
) -> list[Scenario]:
    """A sample of two crashes, the second one often while the state is restored."""
    rng = Random(f"pairs {seed} {guarantee}")  # noqa: S311 - the same
    points = [point for point, _ in _points(seed, guarantee, mutation, job)]
    return [
        Scenario(
            seed,
            guarantee,
            crash=rng.choice(points),
            then=Point(rng.randint(1, rng.choice((12, len(points) // 2))), rng.random() < 0.5),
            wipe=rng.random() < 0.5,
            job=job,
        )
        for _ in range(count)
    ]


def sweep(scenarios: Iterable[Scenario], *, mutation: Mutation = nullcontext) -> Report:
    """Run scenarios and judge them."""
    report = Report()
    for scenario in scenarios:
        _, found = examine(scenario, mutation)
        report.add(kind_of(scenario), scenario, found)
    return report


def kind_of(scenario: Scenario) -> str:
    """What sort of scenario it is."""
    if scenario.keeps:
        return "kept, early" if scenario.wake else "kept, late"
    if scenario.zombie:
        return "zombie, early" if scenario.wake else "zombie, late"
    if scenario.crash is None:
        return "undisturbed"
    if scenario.then is not None:
        return "two crashes"
    return "crash, wiped" if scenario.wipe else "crash"


def _points(seed: int, guarantee: str, mutation: Mutation, job: str) -> Iterator[tuple[Point, Operation]]:
    for operation in _operations(seed, guarantee, mutation, job):
        yield Point(operation.number), operation
        if operation.kind != "read":
            yield Point(operation.number, reached=True), operation


@cache
def _operations(seed: int, guarantee: str, mutation: Mutation, job: str) -> list[Operation]:
    """Those of the first worker where nothing disturbs it. Several sweeps of a module ask; none judges this run."""
    with simulated(), mutation():
        return run(Scenario(seed, guarantee, job=job), to_the_end=False).operations
