"""The faults of a cluster of three, and of one worker's network.

A fault that lasts stays on until the partitions are served again, and at least as long as its name says: a worker that
stands still until it is over is found out.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from tests.faults.cluster_stage import ClusterStage
from tests.faults.faults import Cast, Fault, at_once, now
from tests.faults.quorum import GROUP, TRANSACTION
from tests.oracle import topics
from tests.support.worker import Worker

APP = "rollcall"
LOG, CHANGELOG = f"{APP}-log", f"{APP}-tables-changelog"
IN_SYNC_SECONDS = 120
#: What a slow line lets through in each direction, bytes a second.
_SLOW = 64 * 1024

Which = Callable[[ClusterStage], int]


def _stage(cast_: Cast) -> ClusterStage:
    return cast("ClusterStage", cast_.stage)


def leader(stage: ClusterStage) -> int:
    """The leader of the log's first partition."""
    return stage.quorum.leaders(LOG)[0]


def group_coordinator(stage: ClusterStage) -> int:
    """The coordinator of the workers' group."""
    return stage.quorum.coordinator(GROUP, APP)


def transaction_coordinator(stage: ClusterStage) -> int:
    """The coordinator of the first partition's transactions."""
    return stage.quorum.coordinator(TRANSACTION, f"{APP}-0")


def controller(stage: ClusterStage) -> int:
    """The active controller."""
    return stage.quorum.controller()


def in_sync(stage: ClusterStage) -> None:
    """Start the nodes that do not run, and wait until all replicas are in sync; each leads what it is to lead then.

    Raises AssertionError.
    """
    stage.cluster.start()
    deadline = time.monotonic() + IN_SYNC_SECONDS
    while True:
        replicas = min(stage.quorum.in_sync(topic) for topic in (LOG, CHANGELOG, topics.CONTENT, topics.SLOT))
        if replicas == len(stage.cluster.nodes):
            stage.quorum.elect_preferred()
            return
        if time.monotonic() > deadline:
            message = f"after {IN_SYNC_SECONDS} s a partition has only {replicas} replicas in sync"
            raise AssertionError(message)
        time.sleep(0.5)


def _kill(which: Which, everyone: Cast, _: Worker) -> int:
    stage = _stage(everyone)
    stage.cluster.nodes[which(stage)].kill()
    return now()


def _heal(everyone: Cast, _: Worker) -> None:
    stage = _stage(everyone)
    for kafka in stage.cluster.nodes.values():
        kafka.resume()
    stage.proxy.clear()
    in_sync(stage)


def _freeze(which: Which, everyone: Cast, _: Worker) -> int:
    stage = _stage(everyone)
    everyone.struck = time.monotonic()
    stage.cluster.nodes[which(stage)].pause()
    return now()


def _thaw_after(seconds: float, everyone: Cast, worker: Worker) -> None:
    time.sleep(max(0.0, everyone.struck + seconds - time.monotonic()))
    _heal(everyone, worker)


def _kill_two(everyone: Cast, _: Worker) -> int:
    """With one of three left there is neither a quorum nor a second replica: nothing is served until one is back."""
    stage = _stage(everyone)
    for node in everyone.chance.sample(sorted(stage.cluster.nodes), 2):
        stage.cluster.nodes[node].kill()
    time.sleep(3)
    stage.cluster.start()
    return now()


def _roll(everyone: Cast, _: Worker) -> int:
    stage = _stage(everyone)
    for kafka in stage.cluster.nodes.values():
        kafka.stop()
        in_sync(stage)
    return now()


def _turn(replicas: int, everyone: Cast, _: Worker) -> int:
    """Give every partition of the workers' topics its replicas anew, none of them the leader that it has."""
    stage = _stage(everyone)
    nodes = sorted(stage.cluster.nodes)
    plan = {}
    for topic in (LOG, CHANGELOG, topics.CONTENT, topics.SLOT):
        for number, led_by in stage.quorum.leaders(topic).items():
            others = [node for node in nodes if node != led_by]
            everyone.chance.shuffle(others)
            plan[topic, number] = [*others, led_by][:replicas]
    stage.quorum.reassign(plan)
    stage.quorum.elect_preferred()
    return now()


def _network(strike: Callable[[ClusterStage], None], everyone: Cast, _: Worker) -> int:
    everyone.struck = time.monotonic()
    strike(_stage(everyone))
    return now()


def _proxied(everyone: Cast) -> Worker:
    return next(worker for worker in everyone.workers if worker is everyone.stage.workers[0])


def _latency(stage: ClusterStage) -> None:
    stage.proxy.latency = 0.2


def _loss(stage: ClusterStage) -> None:
    stage.proxy.loss = 0.05


def _slow_line(stage: ClusterStage) -> None:
    stage.proxy.rate = _SLOW


def _through_a_slow_line(everyone: Cast, hit: Sequence[int]) -> float:
    """How long it takes to read all that there is of partitions: it may strike as their new owner restores them."""
    home = _stage(everyone).kafka.data_dir
    if home is None:
        return 0.0
    directories = [home / "log" / f"{topic}-{number}" for topic in (LOG, CHANGELOG) for number in hit]
    return sum(file.stat().st_size for directory in directories for file in directory.glob("*.log")) / _SLOW


def _of_a_network(
    strike: Callable[[ClusterStage], None],
    seconds: float,
    more_seconds: Callable[[Cast, Sequence[int]], float] = at_once,
) -> Fault:
    return Fault(
        partial(_network, strike), victim=_proxied, after=partial(_thaw_after, seconds), more_seconds=more_seconds
    )


def _back_to_three(everyone: Cast, worker: Worker) -> None:
    _turn(3, everyone, worker)
    in_sync(_stage(everyone))


_WHICH: dict[str, Which] = {
    "leader": leader,
    "group": group_coordinator,
    "transactions": transaction_coordinator,
    "controller": controller,
}

CLUSTER_FAULTS: dict[str, Fault] = {
    **{f"kill-{name}": Fault(partial(_kill, which), whole=True, after=_heal) for name, which in _WHICH.items()},
    "kill-two": Fault(_kill_two, whole=True, after=_heal),
    "roll": Fault(_roll, whole=True, from_end=True, after=_heal),
    **{
        f"freeze-{name}": Fault(partial(_freeze, which), whole=True, after=partial(_thaw_after, 15))
        for name, which in _WHICH.items()
    },
    "freeze-150": Fault(partial(_freeze, leader), whole=True, after=partial(_thaw_after, 150)),
    "leader-moves": Fault(partial(_turn, 3), whole=True, after=_heal),
    "reassign": Fault(partial(_turn, 2), whole=True, after=_back_to_three),
    "latency": _of_a_network(_latency, 10),
    "loss": _of_a_network(_loss, 10),
    "black-hole": _of_a_network(lambda stage: stage.proxy.black_hole(), 30),
    "half-open": _of_a_network(lambda stage: stage.proxy.half_open(), 0),
    "slow-line": _of_a_network(_slow_line, 10, _through_a_slow_line),
}
