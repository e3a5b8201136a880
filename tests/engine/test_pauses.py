"""A chunk keeps others waiting for a bounded piece of work only; what it is, and when it is told, stays as it was."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agents import contents
from agents.join import Join
from agents.pace import LOADED, TOGETHER
from agents.steps import Steps
from app.core.facts import Alias
from app.core.fold import take_content, take_contents
from app.engine.state.memory_store import MemoryStore
from app.settings import Settings
from tables import batches
from tables.partition_state import PartitionState
from tests.agents.log import Log
from tests.core.play import EMITTED_AT, play, sent
from tests.engine.rig import GUARANTEES, Guarantee, running
from tests.support.events import content, message

COUNT = 9_000


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_others_have_their_turn_within_a_chunk_and_nothing_of_it_is_told_before_it_is_folded(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folded, turns = 0, []

    def counted(take: Callable[..., object]) -> Callable[..., object]:
        def counting(*given: object) -> object:
            nonlocal folded
            folded += 1
            return take(*given)

        return counting

    def counted_together(*given: Any) -> object:
        nonlocal folded
        taken = take_contents(*given)
        folded += len(taken[0])
        return taken

    monkeypatch.setattr(Steps, "take", counted(Steps.take))
    monkeypatch.setattr(contents, "take_content", counted(take_content))
    monkeypatch.setattr(contents, "take_contents", counted_together)
    async with running(monkeypatch, tmp_path, guarantee) as rig:
        rig.feed(f"R{COUNT} C0-{COUNT - 1}")
        while rig.task.acknowledged is None:
            turns.append(folded)
            if folded <= COUNT:
                assert rig.untouched
                assert rig.sent == set()
            await asyncio.sleep(0)
        assert rig.task.acknowledged == COUNT + 1
    pieces = [now - before for before, now in pairwise(turns)]
    assert max(pieces) <= TOGETHER + 2  # the contents in one loop, and a record of another kind on either side
    assert sum(pieces) + turns[0] >= COUNT


def loaded(count: int, size: int) -> PartitionState:
    """The tables of a partition with so many batches, each with rows of that size, none of which is in the cache."""
    rows = {}
    for number in range(count):
        facts = list(play("R9 C0", f"b{number}").steps[0].facts)
        facts += [Alias(1, f"again-{place}", "text") for place in range(size // 20)]
        key, value = batches.row(f"b{number}", facts)
        rows[key] = value
    store = MemoryStore()
    store.write(rows, 1)
    return PartitionState(store, 10**6)


def test_batches_that_are_loaded_count_by_what_they_are_loaded_from() -> None:
    count, size = 60, 40_000
    tables = loaded(count, size)
    join = Join(0, tables, Settings(_env_file=None), lambda: EMITTED_AT)  # type: ignore[call-arg]
    log = Log()
    for _ in range(10):
        log.send(sent("C9", "another")[0])
    for number in range(count):
        log.send(message(content(f"b{number}", f"u{number}", f"t{number}")))
    whole = Join(0, loaded(count, size), Settings(_env_file=None), lambda: EMITTED_AT).fold(log.records)  # type: ignore[call-arg]
    before, pieces, made = 0, [], []
    for changes in join.steps(log.records):
        pieces.append(tables.loaded - before)
        before = tables.loaded
        if changes is not None:
            made.append(changes)
    assert len(pieces) > 5
    assert max(pieces) < LOADED + 2 * size
    (changes,) = made
    assert (changes.rows, changes.outputs, changes.records) == (whole.rows, whole.outputs, whole.records)
