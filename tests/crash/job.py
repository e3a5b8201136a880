"""An application as the driver takes it: what runs on the engine, what is sent to it, and how a run is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.ports import Topology
from app.settings import Settings
from tests.crash.result import Result
from tests.crash.script import Sent


@dataclass(frozen=True)
class Job:
    """An application.

    ``partitions``: those of its inputs and outputs. ``source``: the header that a re-keyed input has in the log, before
    all others. ``patience``: the longest of its deadlines (seconds). ``violations``: see :mod:`tests.crash.checks`.
    ``settings``: those that differ from the driver's own.
    """

    name: str
    topology: Callable[[Settings], Topology[Any]]
    script: Callable[[int], Sequence[Sequence[Sent]]]
    partitions: Mapping[str, int]
    source: str
    patience: float
    violations: Callable[[Result], list[str]]
    settings: tuple[tuple[str, float], ...] = ()
