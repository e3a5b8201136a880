from typing import Any

from demo.events import CONTENT, FAILURE, REGISTERED
from demo.old_rule import OldRule


def registered(slots: int) -> tuple[str, dict[str, Any]]:
    return REGISTERED, {"entity_id": "b", "essay_ids": [f"e{number}" for number in range(slots)]}


def content(number: int) -> tuple[str, dict[str, Any]]:
    return CONTENT, {"entity_id": "b", "file_upload_id": f"u{number}", "text_storage_id": f"t{number}"}


def failure(number: int) -> tuple[str, dict[str, Any]]:
    return FAILURE, {"entity_id": "b", "file_upload_id": f"u{number}"}


def said(*events: tuple[str, dict[str, Any]]) -> list[str]:
    rule = OldRule()
    return [statement["kind"] for topic, data in events for statement in rule.apply(topic, data)]


def test_a_batch_for_which_nothing_came_early_completes() -> None:
    assert said(registered(2), content(0), content(1)) == ["assigned", "assigned", "complete"]


def test_content_before_its_registration_is_dropped_and_the_batch_hangs() -> None:
    assert said(content(0), registered(2), content(1)) == ["dropped", "assigned"]


def test_a_failure_is_never_counted_and_the_batch_hangs() -> None:
    assert said(registered(2), content(0), failure(1)) == ["assigned", "uncounted"]


def test_repeats_take_no_second_slot_and_complete_nothing_twice() -> None:
    events = (registered(2), content(0), content(0), content(1), content(1), registered(2))
    assert said(*events) == ["assigned", "assigned", "complete"]


def test_a_dropped_text_that_is_published_again_in_time_gets_its_slot() -> None:
    assert said(content(0), registered(1), content(0)) == ["dropped", "assigned", "complete"]


def test_content_without_a_free_slot_is_excess() -> None:
    assert said(registered(1), content(0), content(1)) == ["assigned", "complete", "excess"]
