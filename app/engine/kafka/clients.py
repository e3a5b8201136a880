"""How Kafka clients are made: one place for addresses, sizes and time-outs."""

import asyncio
import functools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from app.engine.kafka import aiokafka_patches, crowded
from app.engine.kafka.aiokafka_patches.backoff import delay
from app.engine.kafka.fetch import INDEXED
from app.engine.kafka.shared_metadata import FollowingProducer
from app.lazy_log import Logger
from app.security import client_options
from app.settings import Settings

log = Logger(__name__)

#: The largest message that the internal topics take: four times the largest that ROLLCALL_MAX_MESSAGE_BYTES allows,
#: so that whatever an input topic took can be kept (re-keyed, as a dead letter, or whole inside another event).
MAX_RECORD_BYTES = 16 * 1024 * 1024

#: A produce batch holds less than the 1,048,588 bytes that a topic takes by default; a larger record goes alone.
MAX_BATCH_BYTES = 1_000_000

#: A larger record can't be kept as it is: it came in a compressed batch, whose size is what a topic bounds. 64 KiB are
#: for headers.
MAX_PLAIN_BYTES = MAX_RECORD_BYTES - 64 * 1024

#: gzip, in a batch's attributes: the codec that needs no library, on no side.
_GZIP = 1

#: How long a send is retried before it fails: longer than a broker needs to restart, since failing stops the worker.
#: How long one answer is waited for is another matter: :mod:`app.engine.kafka.aiokafka_patches.answers`.
DELIVERY_TIMEOUT_MS = 120_000

#: Seconds of failing until it is asked whether a broker turns the client away.
_TOLD_AFTER = 5.0

#: How long a transaction may stay open before the broker ends it: longer than a send is retried.
TRANSACTION_TIMEOUT_MS = 180_000


aiokafka_patches.install()


def connection(settings: Settings) -> dict[str, Any]:
    """What every client is given: the brokers' addresses, and the credentials."""
    return {
        "bootstrap_servers": settings.broker.split(","),
        "client_id": settings.app_id,
        **client_options(settings),
    }


def new_producer(
    settings: Settings, transactional_id: str | None = None, follows: AIOKafkaProducer | None = None
) -> AIOKafkaProducer:
    """A producer, not started. Idempotent: its records arrive once and in order, or the send fails.

    It sees the cluster as the producer does that it ``follows``, if any (:mod:`app.engine.kafka.shared_metadata`).
    """
    transactional: dict[str, Any] = {}
    if transactional_id is not None:
        transactional = {"transactional_id": transactional_id, "transaction_timeout_ms": TRANSACTION_TIMEOUT_MS}
    made = AIOKafkaProducer if follows is None else functools.partial(FollowingProducer, follows)
    return made(
        **connection(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=MAX_RECORD_BYTES + MAX_BATCH_BYTES,
        request_timeout_ms=DELIVERY_TIMEOUT_MS,
        retry_backoff_ms=10,  # transactions begin with less (aiokafka_patches/retries.py)
        **transactional,
    )


def compressed_batch(producer: AIOKafkaProducer) -> Any:
    """An empty batch that will be compressed, for what is larger than :data:`MAX_PLAIN_BYTES`. aiokafka's producers
    compress every batch or none.
    """
    accumulator = producer._message_accumulator  # noqa: SLF001 - pinned in tests/engine/test_pins.py
    usual = accumulator._compression_type  # noqa: SLF001 - as above
    accumulator._compression_type = _GZIP  # noqa: SLF001 - as above
    try:
        return producer.create_batch()
    finally:
        accumulator._compression_type = usual  # noqa: SLF001 - as above


def append(producer: AIOKafkaProducer, batches: list[Any], **fields: Any) -> None:
    """Append a record (timestamp, key, value, headers) to the last of ``batches``, or to a new one where it is full."""
    added = batches[-1].append(**fields) if batches else None
    if added is None:  # full; the first record of a batch always fits
        batches.append(producer.create_batch())
        added = batches[-1].append(**fields)
    if added.size > MAX_PLAIN_BYTES:
        # It is alone in its batch. It came compressed, and only so it can be kept.
        batches[-1] = compressed_batch(producer)
        batches[-1].append(**fields)


def new_reader(
    settings: Settings, *, whole: bool = False, bounds: tuple[int, int] = (8 * 1024 * 1024, 64 * 1024 * 1024)
) -> AIOKafkaConsumer:
    """A consumer without a group, not started; the caller assigns what to read. It reads committed records only; with
    ``whole`` in whole fetches (:mod:`app.engine.kafka.fetch`), which is for ``getmany`` alone. ``bounds`` are the bytes
    of a fetch, of one partition and in all.
    """
    return AIOKafkaConsumer(
        **connection(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",  # what is gone is an error, not a beginning elsewhere
        isolation_level="read_committed",
        value_deserializer=INDEXED if whole else None,
        max_partition_fetch_bytes=bounds[0],
        fetch_max_bytes=bounds[1],
    )


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, for as long as the block takes. Raises KafkaError when no broker can be asked."""
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def start_patiently(
    settings: Settings, client: AIOKafkaProducer | AIOKafkaConsumer, patience: float = DELIVERY_TIMEOUT_MS / 1000
) -> None:
    """Start a client, again and again while no broker can be reached, with a line where one turns it away.

    A broker may go away in the middle of a takeover, which the group begins whenever it likes: that is no reason to
    end the worker. Raises NoConnectionError after ``patience`` seconds, as long as a send is retried.
    """
    now = asyncio.get_running_loop().time
    deadline, report_at = now() + patience, now() + _TOLD_AFTER
    failures = 0
    while True:
        try:
            await client.start()
        except KafkaConnectionError as error:  # of its first step, so that it may be started again
            if now() > deadline:
                raise crowded.no_connection(settings, patience, error) from error
            failures += 1
            if now() > report_at:
                crowded.tell(await crowded.closing(crowded.addresses(settings)))
                report_at = now() + crowded.AGAIN
            await asyncio.sleep(delay(failures))
        else:
            return


async def stop_producer(producer: AIOKafkaProducer, seconds: float) -> None:
    """Stop a producer: what it still has is sent, within ``seconds``.

    Raises TimeoutError when that was not enough. Its connections are closed then, and it sends nothing more: a producer
    that is merely left alone would go on trying for ever.
    """
    try:
        await asyncio.wait_for(producer.stop(), seconds)
    except BaseException:
        sending = producer._sender.sender_task  # noqa: SLF001 - there is no public way to give a producer up
        if sending is not None:
            sending.cancel()
        for connection in list(producer.client._conns.values()):  # noqa: SLF001 - the same
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
        given_up = asyncio.ensure_future(producer.client.close())
        given_up.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


async def leaders_known(producer: AIOKafkaProducer, topics: Iterable[str], patience: float = 60.0) -> dict[str, int]:
    """Wait until the producer sees a leader for every partition of ``topics``; how many partitions each has.

    A send to a topic that the producer's metadata lacks waits for ever, or fails when it meets the wrong broker; so
    nothing is sent before this. Raises KafkaTimeoutError that names the topics still missing after ``patience``
    seconds, whether or not any broker answers.
    """
    missing = set(topics)
    counts: dict[str, int] = {}
    deadline = asyncio.get_running_loop().time() + patience
    producer.client.set_topics([*producer.client.cluster.topics(), *missing])
    while missing:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(producer.client.force_metadata_update(), left)
        except (KafkaError, TimeoutError) as error:
            log.debug("metadata not yet available", error=str(error))
        cluster = producer.client.cluster
        for topic in tuple(missing):
            partitions = cluster.partitions_for_topic(topic)
            if partitions and cluster.available_partitions_for_topic(topic) == partitions:
                counts[topic] = len(partitions)
                missing.discard(topic)
        if missing:
            if asyncio.get_running_loop().time() > deadline:
                message = f"no leader known for {', '.join(sorted(missing))} after {patience:.0f} s"
                raise KafkaTimeoutError(message)
            await asyncio.sleep(0.1)
    return counts
