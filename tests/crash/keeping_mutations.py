"""What a worker keeps or takes over again, with one of the precautions taken out: what the driver must notice."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from aiokafka import TopicPartition

import app.engine.state.restore
import app.engine.takeover
from app.engine.task_manager import TaskManager
from tests.crash.mutations import patched
from tests.crash.process import CURRENT


def kept_at_the_groups_offset() -> AbstractContextManager[None]:
    """What a worker keeps goes on where the group has got to, not where its own state stands."""

    def next_offset(_: TaskManager[Any], place: TopicPartition) -> int | None:
        return CURRENT.get().broker.offsets.get(place)

    return patched((TaskManager, "next_offset", next_offset))


def retaken_as_it_was() -> AbstractContextManager[None]:
    """What a worker was fenced on goes on with the state that it had, without what another one wrote meanwhile."""
    restore = app.engine.state.restore.restore

    async def some(settings: Any, changelog: str, stores: Mapping[int, Any], *others: Any) -> None:
        await restore(
            settings, changelog, {number: store for number, store in stores.items() if not store.offset}, *others
        )

    return patched((app.engine.takeover, "restore", some))


def goes_on_where_the_group_says() -> AbstractContextManager[None]:
    """Exactly once: a partition goes on where the group says that it is, though its state has folded more.

    Harmless: a record that was folded is known by its place in the log, and nothing is said of it a second time.
    """

    def at(_: TopicPartition, committed: int | None, folded: int | None, **__: bool) -> int:
        return min(committed or 0, folded or 0) if folded is not None else committed or 0

    return patched((app.engine.takeover, "goes_on_at", at))


def offset_read_last() -> AbstractContextManager[None]:
    """At least once: a partition goes on from the offset that is read behind its restore, whoever has moved it."""
    return patched((TaskManager, "folded", lambda _: {}))
