"""The job with a precaution taken out, and the engine's own mutations that are tried on it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.engine.keyed.changes import KeyedChanges
from tests.crash import mutations
from tests.crash.catalogue import EXACTLY, ONCE, Trial


def _finish_by(finish: Callable[[KeyedChanges], KeyedChanges]) -> AbstractContextManager[Any]:
    return mock.patch.object(KeyedChanges, "finish", finish)


def no_watermark() -> AbstractContextManager[None]:
    """Repeats of the router are not told from redeliveries."""
    return _finish_by(lambda self: self)


def watermark_first() -> AbstractContextManager[None]:
    """The watermark is written before the facts that it stands for."""

    def finish(self: KeyedChanges) -> KeyedChanges:
        self.rows = {**self.watermarks, **self.rows}
        return self

    return _finish_by(finish)


TRIALS = (
    Trial(no_watermark, EXACTLY, "crash", at="sim-log", job="orders"),
    Trial(watermark_first, ONCE, "crash", at="changelog", job="orders", near=12),
    Trial(mutations.changelog_before_outputs, ONCE, "crash", job="orders", near=88),
    Trial(mutations.store_before_changelog, EXACTLY, "crash", job="orders", near=90),
    Trial(mutations.hop_acknowledges_first, EXACTLY, "crash", at="sim-log", job="orders", near=24),
    Trial(mutations.no_fence, EXACTLY, "zombie", job="orders"),
)
