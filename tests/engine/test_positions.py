"""Where reading goes on, held against where a partition begins and ends. No broker is needed."""

from typing import Any

import pytest
import structlog
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from app.engine.state import restore
from app.engine.topics.positions import PositionError, check, check_passed_on, from_state, goes_on_at
from app.settings import Settings
from tests.oracle import topics

LOG = "rollcall-log"
OF_LOG, OF_INPUT = TopicPartition(LOG, 1), TopicPartition(topics.CONTENT, 2)


def judged(partition: TopicPartition, offset: int | None, begin: int, end: int) -> tuple[dict[Any, int], list[Any]]:
    """What is to be read from the beginning, and the lines."""
    with structlog.testing.capture_logs() as lines:
        return check(LOG, {partition: offset}, {partition: begin}, {partition: end}), lines


@pytest.mark.parametrize("partition", [OF_LOG, OF_INPUT])
@pytest.mark.parametrize(("offset", "begin", "end"), [(None, 0, 9), (0, 0, 0), (5, 0, 9), (5, 5, 9), (9, 9, 9)])
def test_a_position_within_its_partition_is_gone_on_from(
    partition: TopicPartition, offset: int | None, begin: int, end: int
) -> None:
    assert judged(partition, offset, begin, end) == ({}, [])


@pytest.mark.parametrize(("offset", "folded"), [(None, 0), (0, 0), (4, 4)])
def test_a_log_that_begins_behind_what_was_folded_is_refused_with_both_offsets(offset: int | None, folded: int) -> None:
    with pytest.raises(PositionError, match=f"{LOG} partition 1 begins at 5, but only what is before {folded} was"):
        judged(OF_LOG, offset, 5, 9)


def test_a_log_that_ends_before_what_was_folded_is_refused_with_both_offsets() -> None:
    with pytest.raises(PositionError, match=f"{LOG} partition 1 ends at 3, but 4 was committed"):
        judged(OF_LOG, 4, 0, 3)


@pytest.mark.parametrize(
    ("committed", "folded", "once", "exactly"),
    [(None, None, 0, 0), (4, None, 4, 4), (None, 7, 7, 7), (7, 7, 7, 7), (4, 7, 4, 7), (9, 7, 7, 7)],
)
def test_the_log_goes_on_where_the_group_says_unless_the_state_says_less_and_exactly_once_where_the_state_says(
    committed: int | None, folded: int | None, once: int, exactly: int
) -> None:
    assert goes_on_at(OF_LOG, committed, folded) == once
    assert goes_on_at(OF_LOG, committed, folded, exactly_once=True) == exactly


@pytest.mark.parametrize(
    ("committed", "by_state"), [(None, {False, True}), (4, {True}), (7, set()), (9, {False, True})]
)
def test_what_another_worker_has_committed_since_is_no_more_believed_than_before(
    committed: int | None, by_state: set[bool]
) -> None:
    found = {OF_LOG: committed, OF_INPUT: committed}
    for exactly_once in (False, True):
        expected = {OF_LOG: 7} if exactly_once in by_state else {}
        assert from_state(found, {OF_LOG: 7}, exactly_once=exactly_once) == expected
    assert from_state({OF_LOG: None}, {OF_LOG: 0}, exactly_once=True) == {}


def test_an_input_that_begins_behind_what_was_read_is_read_on_and_told() -> None:
    anew, (line,) = judged(OF_INPUT, 4, 7, 9)
    assert anew == {OF_INPUT: 3}
    assert (line["log_level"], line["topic"], line["partition"]) == ("error", topics.CONTENT, 2)
    assert (line["read_up_to"], line["begins_at"], line["missed"]) == (4, 7, 3)


def test_an_input_that_ends_before_what_was_read_is_read_from_its_beginning_and_told() -> None:
    anew, (line,) = judged(OF_INPUT, 4, 0, 3)
    assert anew == {OF_INPUT: 0}
    assert (line["log_level"], line["committed"], line["end"]) == ("error", 4, 3)


def test_an_input_that_nobody_has_read_may_begin_anywhere() -> None:
    assert judged(OF_INPUT, None, 7, 9) == ({}, [])


def test_an_empty_log_is_refused_where_inputs_were_passed_on_to_it() -> None:
    check_passed_on(LOG, {OF_LOG: None, OF_INPUT: None}, 0)
    check_passed_on(LOG, {OF_LOG: None, OF_INPUT: 0}, 0)
    check_passed_on(LOG, {OF_LOG: None, OF_INPUT: 3}, 1)
    with pytest.raises(PositionError, match=f"{LOG} is empty, but {topics.CONTENT} partition 2 was passed on .* 3:"):
        check_passed_on(LOG, {OF_LOG: None, OF_INPUT: 3}, 0)


async def test_a_changelog_whose_records_go_while_they_are_restored_is_refused() -> None:
    changelog = TopicPartition("rollcall-tables-changelog", 0)

    class Reader:
        async def getmany(self, *_: Any, **__: Any) -> None:
            raise OffsetOutOfRangeError({changelog: 5})

    with pytest.raises(PositionError, match=r"partition 0 has lost its records from offset 5 on .*replay --into NEW"):
        await restore._fetch(Settings(), Reader(), [changelog])
