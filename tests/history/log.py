"""Random logs, with the keys that the repartitioner gives their records."""

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from app.core import names
from app.core.acts import Discard, DiscardUpload, Extend, ForceComplete, Reopen
from app.history.read.reprocess import Reprocessor
from app.history.verify.reference_model import digest
from app.settings import Settings
from app.wire.decode import batch_id_for_routing
from tests.agents.log import Headers, Log, Output, Record
from tests.contract.notation import LONG
from tests.core.play import SECOND
from tests.oracle import topics
from tests.support import events
from tests.support.events import Message, uid

BATCHES = ("one", "two")

#: Deadlines of a few records: there is a second between two of them.
SETTINGS = {"readiness_timeout_seconds": 9.0, "pending_ttl_seconds": 6.0}

#: Why an input that can be read is a dead letter all the same: the batch says so.
UNDERSTOOD = ("registration_conflict", "upload_conflict", "text_id_too_long", "batch_retired")

Step = Callable[["KeyedLog"], Any]


class KeyedLog(Log):
    """A partition of the log whose inputs have their batch's id as key."""

    def append(self, value: bytes | None, headers: Headers, *, key: bytes | None = None, time: int = 0) -> Record:
        batch = batch_id_for_routing(value) if headers and headers[0][0] == "s" else None
        return super().append(value, headers, key=key if batch is None else batch.encode(), time=time)

    def send_event(self, event: events.Json) -> Record:
        """Append an input."""
        return self.send(events.message(event))


@cache
def settings(**changes: Any) -> Settings:
    """Settings that depend on nothing around."""
    return Settings.model_validate(SETTINGS | changes)


def fold_all(log: Log, chosen: Settings) -> tuple[Reprocessor, list[Output]]:
    """The whole log, folded record by record, and all that was said."""
    folder = Reprocessor(chosen, 0)
    said: list[Output] = []
    for record in log.records:
        said += folder.take([record]).outputs
    return folder, said


def refused(said: list[Output]) -> tuple[dict[tuple[int, int, int], set[bytes]], set[int]]:
    """The inputs, and the places of the log, that the dead letters say could not be used."""
    inputs: dict[tuple[int, int, int], set[bytes]] = {}
    here = set()
    for topic, _, value, headers in said:
        found = {name: (value or b"").decode() for name, value in headers}
        if topic != names.DEAD_LETTER or found["rollcall.reason"] in UNDERSTOOD:
            continue
        source, offset = found["rollcall.source.topic"], int(found["rollcall.source.offset"])
        if source in names.INPUTS:
            place = names.INPUTS.index(source), int(found["rollcall.source.partition"]), offset
            inputs.setdefault(place, set()).add(digest(value))
        else:
            here.add(offset)
    return inputs, here


_batch = st.sampled_from(BATCHES)
_number = st.integers(0, 4)


def _content(batch: str, upload: int, text: int) -> Step:
    text_id = f"t{text}".ljust(LONG if text == 4 else 0, "x")
    return lambda log: log.send_event(events.content(batch, f"u{upload}", text_id, second=upload))


def _failure(batch: str, upload: int) -> Step:
    return lambda log: log.send_event(events.failure(batch, f"u{upload}", second=upload))


def _registration(batch: str, slots: int) -> Step:
    return lambda log: log.send_event(events.registration(batch, events.essay_ids(batch, slots)))


def _broken(value: bytes) -> Step:
    return lambda log: log.send(Message(topics.CONTENT, None, value))


def _again(back: int) -> Step:
    def step(log: KeyedLog) -> None:
        inputs = [record for record in log.records if record.headers and record.headers[0][0] == "s"]
        if inputs:
            log.again(inputs[-1 - back % len(inputs)])

    return step


def _tick(later: int) -> Step:
    return lambda log: log.tick(log.time + later * SECOND)


def _retire(back: int) -> Step:
    return lambda log: log.retire("~", max(0, len(log.records) - 1 - back))


def _forget(back: int) -> Step:
    return lambda log: log.forget("~", max(0, len(log.records) - 1 - back))


def _act(batch: str, which: int, number: int, more: int) -> Step:
    who = uid("act", number), "Ada", "a reason"
    acts = (
        ForceComplete(*who),
        Discard(*who),
        DiscardUpload(*who, f"u{more}"),
        Extend(*who, more + 1),
        Reopen(*who, tuple(f"{batch}.more-{number}-{index}" for index in range(more % 3))),
    )
    return lambda log: log.act(batch, acts[which])


STEPS = st.lists(
    st.one_of(
        st.builds(_content, _batch, _number, _number),
        st.builds(_content, _batch, _number, _number),
        st.builds(_failure, _batch, _number),
        st.builds(_registration, _batch, st.integers(1, 3)),
        st.builds(_tick, st.integers(0, 9)),
        st.builds(_retire, st.integers(0, 12)),
        st.builds(_forget, st.integers(0, 12)),
        st.builds(_again, st.integers(0, 9)),
        st.builds(_broken, st.sampled_from([b"", b"not JSON", b'{"data":{"batch_id":"one"}}'])),
        st.builds(_act, _batch, st.integers(0, 4), st.integers(0, 20), st.integers(0, 4)),
    ),
    max_size=30,
)


def log_of(steps: list[Step]) -> KeyedLog:
    """The log that steps make."""
    log = KeyedLog()
    for step in steps:
        step(log)
    return log
