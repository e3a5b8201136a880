from typing import Any

import pytest

from bench.correctness import Outputs
from bench.programs import job
from bench.workload import Expected, Part


def said_of(part: Part) -> list[job.Output]:
    """What the plain job says of a part."""
    states: dict[str, Any] = {}
    said: list[job.Output] = []
    for event in part.events():
        projected = job.project(job.loads(event.value))
        now, outputs = job.fold(states.get(projected["batch"]), projected)
        if now is not None:
            states[projected["batch"]] = now
        said += outputs
    return said


def judged(said: list[job.Output], expected: dict[str, Expected]) -> list[str]:
    outputs = Outputs()
    for topic, _key, value, _headers in said:
        if topic == job.SLOT_ASSIGNED:
            outputs.slot(value)
        elif topic == job.READY:
            outputs.batch_ready(value)
        else:
            outputs.excess += 1
    return outputs.judge(expected)


@pytest.mark.parametrize(
    "part",
    [Part("p", 30, slots=5), Part("p", 30, slots=5, missing=2), Part("p", 30, slots=5, registered=False)],
    ids=["whole", "open", "pending"],
)
def test_the_plain_job_is_right(part: Part) -> None:
    assert judged(said_of(part), part.expected()) == []


def test_a_repeat_is_right_and_counted() -> None:
    part = Part("p", 3, slots=2)
    said = said_of(part)
    assert judged(said + said, part.expected()) == []
    outputs = Outputs()
    outputs.slot(said[0][2]) if said[0][0] == job.SLOT_ASSIGNED else outputs.batch_ready(said[0][2])
    outputs.slot(said[0][2]) if said[0][0] == job.SLOT_ASSIGNED else outputs.batch_ready(said[0][2])
    assert outputs.repeats == 1


@pytest.mark.parametrize("topic", [job.SLOT_ASSIGNED, job.READY])
def test_any_output_that_is_missing_is_seen(topic: str) -> None:
    part = Part("p", 3, slots=2)
    said = said_of(part)
    places = [place for place, output in enumerate(said) if output[0] == topic]
    for place in places:
        assert judged(said[:place] + said[place + 1 :], part.expected())


def test_a_text_in_two_slots_is_seen_even_if_ready_agrees() -> None:
    part = Part("p", 1, slots=2)
    said = said_of(part)
    first, second = [output for output in said if output[0] == job.SLOT_ASSIGNED][:2]
    text = job.loads(first[2])["data"]["text_storage_id"].encode()
    other = job.loads(second[2])["data"]["text_storage_id"].encode()
    forged = [(topic, key, value.replace(other, text), headers) for topic, key, value, headers in said]
    assert any("two slots" in fault for fault in judged(forged, part.expected()))


def test_a_ready_that_pairs_otherwise_than_the_slot_events_is_seen() -> None:
    part = Part("p", 1, slots=2)
    forged = []
    for topic, key, value, headers in said_of(part):
        event = job.loads(value)
        if topic == job.READY:
            first, two = event["data"]["ready_essays"][:2]
            first["text_storage_id"], two["text_storage_id"] = two["text_storage_id"], first["text_storage_id"]
        forged.append((topic, key, job.dumps(event), headers))
    assert any("other pairs" in fault for fault in judged(forged, part.expected()))


def test_a_batch_that_is_ready_too_early_and_one_that_was_never_sent_are_seen() -> None:
    whole, partial = Part("p", 3, slots=2), Part("p", 3, slots=2, missing=1)
    assert any("too early" in fault for fault in judged(said_of(whole), partial.expected()))
    assert any("never sent" in fault for fault in judged(said_of(Part("q", 1)), whole.expected()))
