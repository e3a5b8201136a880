"""A plain aiokafka consumer that reads and does nothing: what reading alone costs; settings by environment.

It reads what it is told in `BENCH_TOPICS` and sends `raw-<n>` to the echo topic when it has read each of the counts
in `BENCH_COUNTS`, so that it is timed from outside as the others are.
"""

import asyncio
import json
import os
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.topics import ECHO

_FETCH_BYTES = 4 * 1024 * 1024


async def main() -> None:
    """Read until all counts are reached, then wait to be ended."""
    counts = [int(count) for count in os.environ["BENCH_COUNTS"].split(",")]
    topics = os.environ["BENCH_TOPICS"].split(",")
    bootstrap, partitions = os.environ["BENCH_BOOTSTRAP"], int(os.environ["BENCH_PARTITIONS"])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=8 * _FETCH_BYTES,
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await consumer.start()
    await producer.start()
    try:
        places = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        read, begun = 0, time.monotonic()
        for number, count in enumerate(counts):
            while read < count:
                for records in (await consumer.getmany(timeout_ms=500, max_records=10_000)).values():
                    read += len(records)
            line = {"event": "read", "records": read, "seconds": time.monotonic() - begun}
            sys.stdout.write(f"{json.dumps(line)}\n")
            await producer.send_and_wait(ECHO, key=b"raw-%d" % number, value=b"")
        await asyncio.Event().wait()
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
