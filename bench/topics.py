"""Topics of a run: made before it, removed after it, and how much was written to them."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.workload import CONTENT, REGISTERED

SLOT_ASSIGNED = "huleedu.els.essay.slot.assigned.v1"
READY = "huleedu.els.batch.essays.ready.v1"
EXCESS = "huleedu.els.excess.content.provisioned.v1"
#: For a bare round trip, to compare with.
ECHO = "bench.echo"
#: What exists before a contestant starts; it makes its internal topics itself.
GIVEN = (REGISTERED, CONTENT, SLOT_ASSIGNED, READY, EXCESS, ECHO)

# Kept for ever: the events say a moment of the past, which a retention time would throw away at once.
_INPUT = {"retention.ms": "-1", "retention.bytes": "-1"}
# The ready event of 10,000 slots has 1.1 MB; as Rollcall makes its output topics.
_OUTPUT = _INPUT | {"max.message.bytes": str(16 * 1024 * 1024)}


async def make(bootstrap: str, partitions: int, replicas: int = 1) -> None:
    """Remove all topics but Kafka's own, then make those of a run again, empty.

    Raises RuntimeError where the broker refuses one.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        old = [topic for topic in await admin.list_topics() if not topic.startswith("__")]
        if old:
            await admin.delete_topics(old)
        for _ in range(100):
            if not set(old) & set(await admin.list_topics()):
                break
            await asyncio.sleep(0.1)
        new = [
            NewTopic(topic, partitions, replicas, topic_configs=_INPUT if topic in (REGISTERED, CONTENT) else _OUTPUT)
            for topic in GIVEN
        ]
        response = await admin.create_topics(new)
        if failed := [error for error in response.topic_errors if error[1]]:
            message = f"topics can't be created: {failed}"
            raise RuntimeError(message)
        await _wait_for_leaders(bootstrap, [TopicPartition(topic, n) for topic in GIVEN for n in range(partitions)])
    finally:
        await admin.close()


async def _wait_for_leaders(bootstrap: str, places: list[TopicPartition]) -> None:
    """Return when every partition answers: the broker says that a topic is made before it serves it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer.end_offsets(places)  # asks again until all are answered, for 40 s
    finally:
        await consumer.stop()


def log_bytes(data_dir: Path, topic: str) -> int:
    """Bytes of a topic's record batches, all partitions, as they lie in the broker's log directory."""
    return sum(
        segment.stat().st_size
        for directory in (data_dir / "log").glob(f"{topic}-*")
        if directory.name.removeprefix(f"{topic}-").isdigit()
        for segment in directory.glob("*.log")
    )
