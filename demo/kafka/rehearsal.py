"""Makes Java's ahead-of-time cache of the broker: `python -m demo.kafka.rehearsal`.

A broker is started, used as workers and tests use one, and ended: it holds the classes of all that, of which those of
a request are three tenths of a second of CPU to each broker that gets one. It takes some 8 s of CPU and 70 MB, so it is
made where many brokers are started: by the tests, once a machine.
"""

import asyncio
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError as ClientError

from demo.kafka.ahead import cache_file
from demo.kafka.broker import EmbeddedKafka
from demo.kafka.errors import KafkaError
from demo.kafka.jars import class_path
from demo.kafka.java import find_java

MAKE_SECONDS = 300.0  # some 5 s on a quiet machine
_NAME = "rehearsal"  # of the topic, the group and the transactional id
_TRANSACTIONS = 3  # the first one finds no coordinator yet


class _Rehearsal(EmbeddedKafka):
    """A broker that writes the cache when it ends in order."""

    def __init__(self, output: Path) -> None:
        super().__init__()
        self._output = output

    def _broker_options(self, _java: Path) -> list[str]:
        return ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:AOTCacheOutput={self._output}"]


def make() -> Path | None:
    """Make the cache unless it is there; return where it is, or None where this Java makes none.

    Raises:
        KafkaError: no Java, no jars, or the broker doesn't start.
        ClientError, TimeoutError: it starts, and does not answer as it should.

    """
    place = cache_file(find_java())
    if place.exists():
        return place
    class_path()  # fetches the jars, and with them makes the directory
    with TemporaryDirectory(prefix=".rehearsal-", dir=place.parent) as directory:
        output = Path(directory) / place.name
        with _Rehearsal(output) as kafka:
            asyncio.run(asyncio.wait_for(_use(kafka.bootstrap), MAKE_SECONDS))
            kafka.stop(MAKE_SECONDS)
        if not output.exists():
            return None
        for older in place.parent.glob(f"*{place.suffix}"):
            older.unlink(missing_ok=True)
        output.rename(place)  # at once: no other process finds half of it
    return place


async def _use(bootstrap: str) -> None:
    """Ask for what workers and tests ask for: topics, transactions, a group and its offsets, and their end."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(_NAME, 3, 1, topic_configs={"cleanup.policy": "compact"})])
        reads = {"auto_offset_reset": "earliest", "isolation_level": "read_committed", "enable_auto_commit": False}
        async with (
            AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=_NAME) as producer,
            AIOKafkaConsumer(_NAME, bootstrap_servers=bootstrap, group_id=_NAME, **reads) as consumer,
        ):
            for number in range(_TRANSACTIONS):
                async with producer.transaction():
                    await producer.send_and_wait(_NAME, b"value", key=b"%d" % number)
                await consumer.getone()
                await consumer.commit()
                await consumer.end_offsets(consumer.assignment())
            await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, _NAME)])
            await admin.list_consumer_group_offsets(_NAME)
            await admin.describe_consumer_groups([_NAME])
        await admin.delete_topics([_NAME])
    finally:
        await admin.close()


def main() -> None:
    """Make it, and say where it is."""
    logging.disable()  # the clients' complaints of a broker that has made nothing yet
    try:
        place = make()
    except (KafkaError, ClientError, TimeoutError) as error:
        sys.exit(f"kafka: {error}")
    sys.stderr.write(f"kafka: {place or 'this Java has no ahead-of-time cache'}\n")


if __name__ == "__main__":
    main()
