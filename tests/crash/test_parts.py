"""Records that concern several uploads are done in parts, of one upload each: at every crash point they stay right."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from agents.chunk_changes import ChunkChanges
from agents.join import Join
from agents.parts import Bounds
from tests.crash.scenario import GUARANTEES
from tests.crash.sweep import crashes, sweep, zombies
from tests.crash.test_enumeration import EVERY, right, some

#: A script in which a tick gives up three uploads of a batch, and registrations reconcile several.
SEED = 4


@contextmanager
def in_parts() -> Iterator[None]:
    """Every record is done in parts of one upload."""
    with mock.patch.object(Join, "bounds", new=Bounds(1, 10**6, 10**6)):
        yield


def test_the_script_has_records_that_are_done_in_parts() -> None:
    parts: list[int] = []
    own: Any = ChunkChanges.part

    def counted(self: ChunkChanges, batch: Any, left: int) -> None:
        parts.append(left)
        own(self, batch, left)

    with mock.patch.object(ChunkChanges, "part", counted):
        assert right(sweep(crashes(SEED, "exactly_once", mutation=in_parts)[:1], mutation=in_parts), 1)
    assert max(parts) >= 2


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_crash_between_any_two_parts_harms_nothing(guarantee: str) -> None:
    found = crashes(SEED, guarantee, mutation=in_parts)
    assert right(sweep(some(found, guarantee, fewer=2), mutation=in_parts), 300 // (2 * EVERY))


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_worker_that_is_paused_between_two_parts_and_wakes_late_harms_nothing(guarantee: str) -> None:
    found = zombies(SEED, guarantee, mutation=in_parts)
    assert right(sweep(some(found, guarantee, fewer=2), mutation=in_parts), 240 // (2 * EVERY))
