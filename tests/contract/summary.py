"""Says what was emitted for a batch in the notation of `tests.contract.cases`: the core's outputs or the worker's."""

import json
from collections import Counter
from collections.abc import Iterable

from tests.contract.cases import Case
from tests.oracle import topics
from tests.support.events import Json


def summarise(
    events: Iterable[tuple[str, Json]], refused: Iterable[tuple[str, bytes]] = (), *, names: bool = True
) -> Counter[str]:
    """Count a batch's distinct outputs.

    `events`: topic and `data` of the output events; repeats count once. `refused`: reason and original value of the
    conflict dead letters. Without `names` the inputs are not named, as where they came at the same moment.
    """
    distinct = {(topic, json.dumps(data, sort_keys=True)): (topic, data) for topic, data in events}
    found = Counter(_event(topic, data, names=names) for topic, data in distinct.values() if topic != topics.COMPLETED)
    for reason, value in refused:
        what = {topics.UPLOAD_CONFLICT: "CONFLICT", topics.REGISTRATION_CONFLICT: "REFUSED"}.get(reason, reason)
        found[f"{what}({_input(json.loads(value))})" if names else what] += 1
    return found


def names_inputs(case: Case) -> bool:
    """Whether the case's `expected` says which inputs are excess or refused."""
    return not {"EXCESS", "CONFLICT", "REFUSED"} & case.summary.keys()


def _event(topic: str, data: Json, *, names: bool) -> str:
    if topic == topics.SLOT:
        return "SLOT"
    if topic == topics.READY:
        return f"READY({len(data['ready_essays'])})"
    if topic == topics.ERRORS:
        summary = data["error_summary"]
        return f"ERRORS({summary['total_errors']}{',critical' if summary['critical_failure'] else ''})"
    if topic == topics.EXCESS:
        return f"EXCESS(C{_number(data['text_storage_id'])})" if names else "EXCESS"
    return topic


def _input(envelope: Json) -> str:
    data = envelope["data"]
    if envelope["event_type"] == topics.REGISTERED:
        return f"R{len(data['essay_ids'])}{chr(39) if data['user_id'] == 'another-teacher' else ''}"
    upload = _number(data["file_upload_id"])
    if envelope["event_type"] == topics.FAILED:
        return f"F{upload}"
    text = _number(data["text_storage_id"])
    return f"C{text}" if text == upload else f"C{text}@{upload}"


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
