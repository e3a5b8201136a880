"""Where reading continues, compared with where a partition begins and ends.

A committed offset before the beginning means that records were deleted unread (retention, DeleteRecords); one behind
the end that the topic was made again, or cut. For the log either is refused: the state would no longer follow from it.
An input belongs to others: reading continues with what is left, and what was missed is a line and a metric.

The client would set such a position to the beginning silently, so it is configured not to (``auto_offset_reset`` is
``none``), at start and while it runs.
"""

from collections.abc import Mapping

from aiokafka import TopicPartition

from app.engine.topics.checks import way_out
from app.errors import OperatorError
from app.lazy_log import Logger

log = Logger(__name__)


class PositionError(OperatorError):
    """The log no longer has what is to be read of it. The message names topic, partition, both offsets, the way out."""


def check(
    log_topic: str,
    positions: Mapping[TopicPartition, int | None],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """The inputs that are to be read from their beginning, with how many offsets each lacks: none (0) where it was made
    again.

    ``positions``: the next offset to read of each, None where nothing was committed. Raises PositionError for the log.
    """
    anew = {}
    for partition, offset in positions.items():
        begin, end = begins[partition], ends[partition]
        if partition.topic == log_topic:
            _check_log(partition, offset, begin, end)
        elif offset is not None and offset < begin:
            log.error(
                "records of an input were deleted before they were read; it is read on from its beginning. Look at "
                "retention.ms and retention.bytes of the topic, and ask the producer to send them again",
                topic=partition.topic,
                partition=partition.partition,
                read_up_to=offset,
                begins_at=begin,
                missed=begin - offset,
            )
            anew[partition] = begin - offset
        elif offset is not None and offset > end:
            log.error(
                "an input topic ends before what was read of it (made anew, or cut); it is read from its beginning",
                topic=partition.topic,
                partition=partition.partition,
                committed=offset,
                end=end,
            )
            anew[partition] = 0
    return anew


def _check_log(partition: TopicPartition, offset: int | None, begin: int, end: int) -> None:
    place = f"{partition.topic} partition {partition.partition}"
    if offset is not None and offset > end:
        message = (
            f"{place} ends at {end}, but {offset} was committed: the internal log was made anew or cut, and what the "
            "tables say no longer follows from it. Use another ROLLCALL_APP_ID, which reads the inputs anew"
        )
        raise PositionError(message)
    if (offset or 0) < begin:
        message = (
            f"{place} begins at {begin}, but only what is before {offset or 0} was folded: the records between were "
            "deleted (retention, or DeleteRecords), and no outcome follows from them. Set retention.ms=-1 and "
            "retention.bytes=-1 on it, and use another ROLLCALL_APP_ID, which reads the inputs anew"
        )
        raise PositionError(message)


def check_passed_on(log_topic: str, positions: Mapping[TopicPartition, int | None], log_end: int) -> None:
    """Refuse a log without a single record, though inputs were passed on to it. ``log_end`` is the sum of its ends.

    Raises PositionError.
    """
    passed = {place: offset for place, offset in positions.items() if offset and place.topic != log_topic}
    if log_end == 0 and passed:
        place, offset = min(passed.items())
        message = (
            f"{log_topic} is empty, but {place.topic} partition {place.partition} was passed on to it up to offset "
            f"{offset}: the internal log was deleted and made again, and state and inputs that it held are gone. Use "
            "another ROLLCALL_APP_ID, which reads the inputs anew"
        )
        raise PositionError(message)


def goes_on_at(
    partition: TopicPartition, committed: int | None, folded: int | None, *, exactly_once: bool = False
) -> int:
    """From which offset of the log to go on at the most: the group's, unless the state has not folded so far.

    With ``exactly_once`` it is the state's in any case: that is in the transaction with the outputs, and the group's
    follows. From the group's, what a crash has kept it from following would be folded twice.

    ``committed`` is the group's next offset, asked for before the restore, ``folded`` the state's
    (:mod:`app.engine.state.folded`); None where there is none. Where they can't disagree, and do, a line says so.
    """
    if folded is None:
        return committed or 0
    place = {"topic": partition.topic, "partition": partition.partition, "folded": folded}
    if committed is None:
        log.warning(
            "the group has no offset of the log: a broker forgets it after offsets.retention.minutes without a worker. "
            "The state says how far the log was folded, and it goes on from there",
            **place,
        )
        return folded
    if committed > folded:
        log.warning(
            "the group's offset of the log is ahead of what the state has folded: it was set by hand, or an older "
            "release had the partition meanwhile. It goes on from what is folded, so that no record is passed over; "
            "what was folded before changes nothing",
            **place,
            committed=committed,
        )
    return folded if exactly_once else min(committed, folded)


def from_state(
    committed: Mapping[TopicPartition, int | None], folded: Mapping[TopicPartition, int], *, exactly_once: bool
) -> dict[TopicPartition, int]:
    """The partitions of the log that go on elsewhere than the group says, each with where (:func:`goes_on_at`).

    ``committed``: the group's offsets as they are now, None where there is none; another worker may have gone on since
    the takeover, which ``folded`` is of.
    """
    return {
        partition: folded[partition]
        for partition, offset in committed.items()
        if partition in folded
        and (
            folded[partition] > 0
            if offset is None
            else offset > folded[partition] or (exactly_once and offset < folded[partition])
        )
    }


def deleted_before(partition: TopicPartition, folded: int, begin: int, committed: int | None) -> None:
    """Say that the log no longer has what lies between the state and the group's offset, from which it goes on."""
    log.error(
        "the group's offset of the log is ahead of what the state says it has folded, and the records between are "
        "deleted. If an older release had the partition meanwhile, nothing is missing; if the offset was set by hand, "
        "outcomes are: compare with the audit command, and put the inputs back",
        topic=partition.topic,
        partition=partition.partition,
        folded=folded,
        begins_at=begin,
        committed=committed,
    )


def deleted_meanwhile(topic: str, partition: int, offset: int, partitions: int) -> PositionError:
    """The error of a changelog whose records were deleted while they were restored."""
    return PositionError(
        f"topic {topic} partition {partition} has lost its records from offset {offset} on while they were restored "
        f"(DeleteRecords, or delete in its cleanup.policy): the log has them all: {way_out(partitions)}"
    )
