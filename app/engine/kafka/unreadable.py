"""Batches of records that can't be read: a wrong checksum, a broken compressed payload, an unknown codec, too much.

A broker hands out what is on its disk as it is, so such a batch comes again however often it is fetched, and everything
behind it in its partition waits. The reader that meets one stops and names it.
"""

from typing import Any

from aiokafka.errors import UnsupportedCodecError

from app.engine.kafka.decompress import TooLargeError
from app.errors import OperatorError

#: By the three lowest bits of a batch's attributes (https://kafka.apache.org/documentation/#recordbatch).
CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


class UnreadableError(OperatorError):
    """A batch can't be read. The message names topic, partition, offsets, the cause and what to do."""


def unreadable(place: tuple[str, int], batch: Any, cause: BaseException | str) -> UnreadableError:
    """The error for a batch of aiokafka's, or for the first offset that is not known to be read."""
    topic, partition = place
    first, end = (batch, None) if isinstance(batch, int) else (batch.base_offset, batch.next_offset)
    if isinstance(cause, str):
        explanation = cause
    elif isinstance(cause, TooLargeError):
        explanation = str(cause)
    elif isinstance(cause, UnsupportedCodecError):
        explanation = f"its codec is not known here ({cause})"
    else:
        codec = CODECS.get(batch.compression_type, "unknown") if end is not None else "none"
        payload = "its records" if codec == "none" else f"its {codec} payload"
        explanation = f"{payload} can't be decoded ({type(cause).__name__}: {cause})"
    where = f"offset {first}" if end is None else f"offsets {first} to {end - 1}"
    give_up = "" if end is None else f"give up what is in it (kafka-delete-records.sh, offset {end})"
    cure = "" if isinstance(cause, TooLargeError) else "restore the partition from a sound replica"
    remedy = ", or ".join(filter(None, (cure, give_up))) or "give up the batch (kafka-delete-records.sh)"
    return UnreadableError(
        f"{topic} partition {partition}, {where}: the batch can't be read: {explanation}. Nothing behind it is read: "
        f"{remedy}, and start again"
    )
