"""What is changed inside aiokafka: that it does what it is for, and that aiokafka still works that way."""

import asyncio
import dis
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer import sender
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.kafka.aiokafka_patches import install, retries, transactions
from app.engine.kafka.clients import new_producer
from app.settings import Settings
from tests.oracle import topics
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("client")) as made:
        made.io.create_topics({topics.CONTENT: 1})
        yield made


@pytest.mark.kafka
def test_a_connection_that_closes_while_a_coordinator_is_looked_for_costs_no_transaction(stage: Stage) -> None:
    closed: list[int] = []

    async def transact(settings: Settings) -> None:
        producer = new_producer(settings, "looks-for-its-coordinator")
        send = producer.client.send

        async def send_or_close(node: int, request: Any, **options: Any) -> Any:
            if isinstance(request, FindCoordinatorRequest) and len(closed) < 2:
                closed.append(node)
                message = "Connection closed"
                raise KafkaConnectionError(message)
            return await send(node, request, **options)

        producer.client.send = send_or_close
        await producer.start()
        try:
            async with producer.transaction():
                await producer.send_and_wait(topics.CONTENT, b"one")
        finally:
            await producer.stop()

    stage.io.call(transact(Settings(broker=stage.kafka.bootstrap)))
    assert len(closed) == 2


@pytest.mark.kafka
@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_request_on_a_connection_that_is_closed_already_is_a_failed_connection(stage: Stage, loop: Any) -> None:
    host, _, port = stage.kafka.bootstrap.partition(":")

    async def send_too_late() -> AIOKafkaConnection:
        connection = await create_conn(host, int(port))
        connection._writer.transport.abort()
        # One turn of the loop ends the transport; aiokafka's reader hears of it a turn later.
        await asyncio.sleep(0)
        with pytest.raises(KafkaConnectionError):
            await connection.send(MetadataRequest([]))
        return connection

    with asyncio.Runner(loop_factory=loop) as runner:
        assert not runner.run(send_too_late()).connected()


def test_the_wait_for_the_last_transactions_markers_is_the_one_that_a_producer_waits() -> None:
    assert transactions.MARKERS_WAIT == sender.BACKOFF_OVERRIDE
    names = {step.argval for step in dis.get_instructions(sender.AddPartitionsToTxnHandler.handle_response)}
    assert "BACKOFF_OVERRIDE" in names


#: Seconds that a producer of the worker waits by itself before it repeats a request (``new_producer``).
USUAL = 0.01


def sender_of(transactional_id: str | None) -> Any:
    """What its handlers ask a sender for; the broker answers nothing."""

    async def send(*_: object, **__: object) -> None:
        pass

    manager = SimpleNamespace(transactional_id=transactional_id)
    return type(
        "Sender", (), {"_retry_backoff": USUAL, "_txn_manager": manager, "client": SimpleNamespace(send=send)}
    )()


def waits_before_batches_are_sent_again(transactional_id: str | None) -> list[float]:
    install()
    handlers = [
        sender.SendProduceReqHandler(sender_of(transactional_id), {"partition": SimpleNamespace(retry_count=sent)})
        for sent in range(1, 5)
    ]
    return [handler._default_backoff for handler in handlers]


def test_batches_of_a_transaction_that_the_broker_does_not_take_yet_are_sent_again_soon_and_then_later_each_time() -> (
    None
):
    assert waits_before_batches_are_sent_again("a transaction's") == [0.002, 0.004, 0.008, USUAL]
    assert waits_before_batches_are_sent_again(None) == [USUAL] * 4


def test_what_a_coordinator_refuses_is_asked_again_soon_and_then_later_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install()
    monkeypatch.setattr(sender.BaseHandler, "do", retries._do)
    waited: list[float] = []

    class Handler(sender.BaseHandler):  # type: ignore[misc] # aiokafka has no types here
        def create_request(self) -> None:
            pass

        def handle_response(self, _: object) -> float | None:
            if len(waited) == 4:
                return None
            waited.append(self._default_backoff)
            return 0.0

    async def ask() -> None:
        asking = sender_of("a transaction's")
        while not await Handler(asking).do(0):
            pass

    asyncio.run(ask())
    assert waited == [0.002, 0.004, 0.008, USUAL]
