"""Making topics."""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from demo.events import PARTITIONS


async def create_topics(bootstrap: str, topics: Iterable[str]) -> None:
    """Create those of the topics that are not there, with three partitions. Raises aiokafka's error on a refusal."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        wanted = [NewTopic(topic, PARTITIONS, 1) for topic in topics if topic not in present]
        if not wanted:
            return
        for topic, code, *_ in (await admin.create_topics(wanted)).topic_errors:
            error = for_code(code)
            if error not in {NoError, TopicAlreadyExistsError}:
                raise error(topic)
    finally:
        await admin.close()
