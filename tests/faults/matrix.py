"""A run: three workers, one fault after the other under traffic that goes on, then the judgement."""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from tests.faults.audit import audit
from tests.faults.cluster_faults import CLUSTER_FAULTS
from tests.faults.disk import DISK
from tests.faults.faults import ALL, WORKERS, Cast, Fault, now
from tests.faults.former import EXCHANGES
from tests.faults.kills import KILLS
from tests.faults.results import Result
from tests.faults.retention import all_retired
from tests.faults.stage import Plan, stage_of
from tests.faults.state import ask
from tests.faults.traffic import Traffic
from tests.faults.workload import LOG_PARTITIONS, Workload
from tests.oracle import topics
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import ROOT, Worker

APP = "rollcall"
LOG = f"{APP}-log"
KNOWN = {**ALL, **KILLS, **DISK, **CLUSTER_FAULTS, **EXCHANGES}
SERVED_SECONDS = PATIENCE  # partitions that are not served again by then stand still
DRAIN_SECONDS = 600
MOST_PLAYS = 4  # so often is a schedule played in all until each fault was struck while work was left
PILED_UP, HELD_SECONDS = 40, 1.0  # texts of a tenth of a second of the burst


def run(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Result:
    """Play the schedule and judge it. What goes wrong on the way is in ``problems``; only a bug of this driver raises.

    A fault is struck only while work is left: while a content is on the broker together with its registration, in a
    partition that the fault is to hit, and its answer has not been seen. The round counts if in the end one of these
    answers was made after the fault struck; else it is played again at the end, and work is made to pile up.
    """
    result = Result(plan.guarantee, plan.seed, plan.session_seconds)
    began = time.monotonic()
    workload = Workload(plan.seed, retires=plan.retention is not None)
    chance = random.Random(plan.seed)  # noqa: S311 - a schedule, not a secret
    with stage_of(plan) as stage:
        cast = Cast(stage, chance, plan.session_seconds, plan.chunks)
        with Traffic(stage.io, workload, plan.events_per_round, plan.drip) as traffic:
            try:
                cast.former, cast.warm = plan.former or ROOT, plan.warm
                for _ in range(WORKERS):
                    cast.add(cast.former)
                cast.ready()
                traffic.start()
                _Rounds(plan, cast, traffic, workload, result, say).play()
                say(f"{plan.guarantee}: draining and judging")
                _drain(cast, traffic)
                audit(workload, traffic.inputs, traffic.seen, result)
                if workload.retires:
                    result.retired = all_retired(cast, workload)
                ask(cast, workload, traffic, result, drain)
            except (AssertionError, TimeoutError, OSError, RuntimeError) as error:
                result.problems.append(f"{type(error).__name__}: {error}")
            result.problems += cast.problems + traffic.failed[:5]
            result.ended_after_pause, result.ended_by_disk = cast.ended_after_pause, cast.ended_by_disk
    result.seconds = round(time.monotonic() - began, 1)
    return result


class _Rounds:
    """The rounds of a run."""

    def __init__(
        self,
        plan: Plan,
        cast: Cast,
        traffic: Traffic,
        workload: Workload,
        result: Result,
        say: Callable[[str], None],
    ) -> None:
        self.plan = plan
        self.cast = cast
        self.traffic = traffic
        self.workload = workload
        self.result = result
        self.say = say
        self.idle: Counter[str] = Counter()  # how often each struck with no work left since it last struck with some

    def play(self) -> None:
        """Play all of the schedule, or until the time is over."""
        wanted = len(self.plan.schedule)
        left = deque(self.plan.schedule)
        counted = played = 0
        while left and played < MOST_PLAYS * wanted:
            if self.plan.until is not None and time.monotonic() > self.plan.until:
                self.say(f"{self.plan.guarantee}: the time is over after {counted} of {wanted} rounds")
                return
            name = left.popleft()
            self.workload.round = played
            self.result.schedule.append(name)
            owed = self._round(name, KNOWN[name])
            played += 1
            counted += owed > 0
            if not owed:
                left.append(name)
            state = f"with {owed} answers owed" if owed else "with no work left: not counted"
            seconds = self.result.row(name).recovered[-1]
            self.say(f"{self.plan.guarantee} {counted}/{wanted} {name} {state}: recovered in {seconds:.1f} s")

    def _round(self, name: str, fault: Fault) -> int:
        cast, traffic, row = self.cast, self.traffic, self.result.row(name)
        fault.prepare(cast, cast.chance.choice(cast.workers))
        held = self._held()
        holders = list(held) if len(held) >= fault.victims else cast.workers
        victims = cast.chance.sample(holders, fault.victims) if fault.victim is None else [fault.victim(cast)]
        everything = list(range(LOG_PARTITIONS))
        each = [everything if fault.whole else held.get(victim, []) for victim in victims]
        hit = sorted({number for numbers in each for number in numbers})
        self._work(hit)
        if self.idle[name]:
            self._pile_up(cast.workers if fault.whole else victims, hit)
        owed, start = [traffic.ledger.owed(numbers) for numbers in each], len(traffic.seen)
        began, moment = time.monotonic(), now()
        traffic.busy = fault.slowly
        made_after = max([fault.strike(cast, victim) for victim in victims])
        traffic.busy = False
        if fault.from_end:
            began = time.monotonic()
        seconds = SERVED_SECONDS + fault.more_seconds(cast, hit)
        served = self._served(hit, made_after, start, victims[0], seconds)
        row.recovered.append(round(served - began, 2))
        for victim in victims:
            fault.after(cast, victim)
        cast.ready()
        left = [traffic.ledger.answered_after(texts, moment) for texts in owed]
        row.rounds += sum(answers > 0 for answers in left)
        row.idle += not any(left)
        self.idle[name] = 0 if any(left) else self.idle[name] + 1
        return sum(left)

    def _held(self) -> dict[Worker, list[int]]:
        """Who has which partitions, once all have an owner; after a while whoever has any."""
        enough = time.monotonic() + 10
        while sum(map(len, (held := self.cast.holdings()).values())) < LOG_PARTITIONS and time.monotonic() < enough:
            time.sleep(0.05)
        return held

    def _pile_up(self, workers: Sequence[Worker], hit: Sequence[int]) -> None:
        """Hold workers until their partitions owe something new, and let them go on: for a fault that met no work.

        Where all runs slowly, what is owed is often answered already and not seen yet. They are held for less than
        their sessions take.
        """
        held = [worker for worker in workers if worker.alive and worker not in self.cast.paused]
        for worker in held:
            worker.pause()
        known, begun = self.traffic.ledger.owed(hit), time.monotonic()
        self.traffic.busy = True
        while len(self.traffic.ledger.owed(hit) - known) < PILED_UP and time.monotonic() - begun < HELD_SECONDS:
            time.sleep(0.001)
        self.traffic.busy = False
        for worker in held:
            worker.resume()

    def _work(self, hit: Sequence[int]) -> None:
        """Return at a moment at which the partitions owe something.

        One time in two it is by chance, else right after offsets were committed: whatever a worker has committed too
        early is lost by a crash then.
        """
        chance, owed = self.cast.chance, self.traffic.ledger.owed
        self.traffic.flood()
        time.sleep(0.05 + chance.random() * 0.3)
        self.traffic.busy = True
        if chance.random() < 0.5:
            self._wait_for_commit(hit)
        begun = time.monotonic()
        while (waited := time.monotonic() - begun) < 10 and len(owed(hit)) < (self.plan.owed if waited < 2 else 1):
            time.sleep(0.001)
        self.traffic.busy = False

    def _wait_for_commit(self, hit: Sequence[int]) -> None:
        """Wait until an offset of one of these partitions is committed, at most three times as long as it takes."""

        def offsets() -> list[int | None]:
            committed = self.cast.stage.io.committed(APP)
            return [committed.get((LOG, number)) for number in hit]

        before, deadline = offsets(), time.monotonic() + 1.5
        while offsets() == before and time.monotonic() < deadline:
            time.sleep(0.01)  # each question costs the broker and this process more than its answer is worth

    def _served(self, hit: Sequence[int], made_after: int, start: int, victim: Worker, seconds: float) -> float:
        deadline = time.monotonic() + seconds
        while (served := self.traffic.served(hit, made_after, start)) is None:
            if time.monotonic() > deadline:
                self.cast.look()
                late = [number for number in hit if self.traffic.served([number], made_after, start) is None]
                message = f"partitions {late} of {hit} were not served again within {seconds:.0f} s\n{victim.tail()}"
                raise AssertionError(message)
            time.sleep(0.02)
        return served


def drain(stage: Stage, traffic: Traffic) -> None:
    """Wait until all inputs are in the log and all of the log is folded, by the committed offsets.

    Raises TimeoutError.
    """
    stage.io.wait_taken(APP, topics.INPUTS, DRAIN_SECONDS)
    stage.io.wait_taken(APP, [LOG], DRAIN_SECONDS)
    traffic.quiet(2)


def _drain(cast: Cast, traffic: Traffic) -> None:
    traffic.finish()
    cast.ready()
    drain(cast.stage, traffic)
