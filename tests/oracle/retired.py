"""What retention does to a batch: from some place of its log on, every upload is a dead letter that says so.

Where that place is, a clock decides, and no input says. So it is taken from what was refused, and all that follows from
it is demanded: what came before it decides the outcome alone, which must have been complete by then; nothing that came
behind it has another fate; and a registration is the one that stands, or a conflict, as ever.
"""

from collections.abc import Mapping, Sequence

from tests.oracle import topics
from tests.oracle.records import Event, Position, Registration, Upload
from tests.oracle.verdict import Verdict


def is_retired(event: Event, refused: Mapping[Position, str]) -> bool:
    """Whether an input came for a batch that was retired before, as its dead letter has it."""
    return refused.get(event.record.position) == topics.BATCH_RETIRED


def decisive(batch: str, log: Sequence[Event], refused: Mapping[Position, str], verdict: Verdict) -> Sequence[Event]:
    """The events of a batch, in the order of its log, that its outcome follows from; others must have been refused."""
    begin = next((place for place, event in enumerate(log) if is_retired(event, refused)), len(log))
    behind = log[begin:]
    for event in behind:
        if isinstance(event, Upload) and not is_retired(event, refused):
            verdict.lose(
                f"{batch}: {event.record.position} came when the batch was retired, and is no dead letter of it"
            )
    return [*log[:begin], *(event for event in behind if isinstance(event, Registration))]


def check_places(batch: str, events: Sequence[Event], refused: Mapping[Position, str], verdict: Verdict) -> None:
    """Check that in each partition of the inputs nothing but dead letters comes behind the first that came too late."""
    earliest: dict[tuple[str, int], int] = {}
    uploads = [event for event in events if isinstance(event, Upload)]
    for event in uploads:
        if is_retired(event, refused):
            topic, partition, offset = event.record.position
            earliest[topic, partition] = min(offset, earliest.get((topic, partition), offset))
    for event in uploads:
        topic, partition, offset = event.record.position
        if not is_retired(event, refused) and offset > earliest.get((topic, partition), offset):
            verdict.lose(
                f"{batch}: {event.record.position} came when the batch was retired, and is no dead letter of it"
            )


def check_closed(
    batch: str, events: Sequence[Event], refused: Mapping[Position, str], verdict: Verdict, *, complete: bool
) -> None:
    """Check that a batch of which something was refused as too late was ``complete``."""
    for event in events:
        if not complete and is_retired(event, refused):
            verdict.fault(f"{batch}: {event.record.position} was refused as too late, and the batch is not complete")
