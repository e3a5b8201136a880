"""What operators do, ready made: each call is an act of its own, unless a number says which."""

from itertools import count
from typing import Any
from uuid import UUID

from app.core.acts import Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.core.fold import Step
from app.core.messages import Message as Said
from app.core.outputs import Expiry
from tests.oracle import topics

_numbers = count(1_000_000)


def identity(number: int | None = None) -> tuple[str, str, str]:
    """Return an act id, who and why."""
    return str(UUID(int=next(_numbers) if number is None else number)), "ada", "the teacher asked"


def force(number: int | None = None) -> ForceComplete:
    return ForceComplete(*identity(number))


def discard(number: int | None = None) -> Discard:
    return Discard(*identity(number))


def discard_upload(upload: int, number: int | None = None) -> DiscardUpload:
    return DiscardUpload(*identity(number), f"b.upload-{upload:04d}")


def extend(seconds: int, number: int | None = None) -> Extend:
    return Extend(*identity(number), seconds)


def reopen(*essay_ids: str, number: int | None = None) -> Reopen:
    return Reopen(*identity(number), essay_ids)


WORDS = {topics.SLOT: "SLOT", topics.READY: "READY", topics.ERRORS: "ERRORS", topics.EXCESS: "EXCESS",
         topics.COMPLETED: "COMPLETED", topics.TIMEOUT: "TIMEOUT"}  # fmt: skip


def said(step: Step) -> list[str]:
    """Return what a step said, a word each; GONE is a pending upload that was given up."""
    return [
        WORDS[output.topic] if isinstance(output, Said) else "GONE" if isinstance(output, Expiry) else "DEAD"
        for output in step.outputs
    ]


def data(step: Step, topic: str) -> Any:
    """Return the data of the one event of a topic that a step said."""
    (found,) = [output for output in step.outputs if isinstance(output, Said) and output.topic == topic]
    return found.data


def event_id(step: Step, topic: str) -> str:
    """Return the event id of the one event of a topic that a step said."""
    (found,) = [output for output in step.outputs if isinstance(output, Said) and output.topic == topic]
    return found.event_id


def texts(step: Step) -> list[tuple[str, str]]:
    """Return what the ready event of a step lists: essay and text."""
    return [(essay.essay_id, essay.text_storage_id) for essay in data(step, topics.READY).ready_essays]
