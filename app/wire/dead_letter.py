"""The headers of a dead letter: why, and where the original is. Its key and value are the original bytes.

Written and read here, and nowhere else. The names are a promise: operators' tools read them too. All values are text.
"""

from collections.abc import Iterable
from typing import NamedTuple

from app.wire.encode import Headers

REASON = "rollcall.reason"
DETAIL = "rollcall.detail"
SOURCE_TOPIC = "rollcall.source.topic"
SOURCE_PARTITION = "rollcall.source.partition"
SOURCE_OFFSET = "rollcall.source.offset"

#: On an input that was sent again from a dead letter: who did it, why, and which dead letter it was.
REPLAYED_BY = "rollcall.replayed.by"
REPLAYED_WHY = "rollcall.replayed.why"
REPLAYED_FROM = "rollcall.replayed.from"


class Cause(NamedTuple):
    """What the headers say. ``place`` is the original's topic, partition and offset, None where they don't say it."""

    reason: str
    detail: str
    place: tuple[str, int, int] | None


def headers(reason: str, detail: str, topic: str, partition: int, offset: int) -> Headers:
    """The headers of a dead letter whose original is at this place."""
    return [
        (REASON, reason.encode()),
        (DETAIL, detail.encode(errors="replace")),
        (SOURCE_TOPIC, topic.encode()),
        (SOURCE_PARTITION, str(partition).encode()),
        (SOURCE_OFFSET, str(offset).encode()),
    ]


def read(found: Iterable[tuple[str, bytes | None]]) -> Cause:
    """What the headers of a record of the dead letters' topic say. Never raises: others may have written it."""
    texts = {name: (value or b"").decode(errors="replace") for name, value in found}
    topic, partition, offset = (texts.get(name, "") for name in (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET))
    place = (topic, int(partition), int(offset)) if topic and _number(partition) and _number(offset) else None
    return Cause(texts.get(REASON, "unknown"), texts.get(DETAIL, ""), place)


def _number(text: str) -> bool:
    # At most as long as the largest offset, 2^63 - 1: int() refuses very long ones.
    return text.isascii() and text.isdigit() and len(text) <= 19  # noqa: PLR2004 - see above
