"""The rejected old rule, for comparison: the same three topics, a consumer group of its own, and no pending content.

What it gets wrong, and nothing else: content that arrives before its registration is called excess and dropped, and
failed uploads are never counted, so such a batch waits for ever. It is otherwise fair: repeats are recognised, a text
that was dropped gets its slot if the relay happens to publish it again after the registration, and a batch for which
nothing came early completes.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener

from demo.events import CONTENT, INPUTS, OLD_RULE, REGISTERED


@dataclass(slots=True)
class _Batch:
    essay_ids: list[str]
    slots: dict[str, str] = field(default_factory=dict)
    completed: bool = False


class OldRule:
    """The rule itself, pure: `apply` takes one event and returns what the rule says about it."""

    def __init__(self) -> None:
        self._batches: dict[str, _Batch] = {}

    def apply(self, topic: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        """Fold one event in; return statements of kind `assigned`, `dropped`, `excess`, `uncounted` or `complete`."""
        batch_id = data["entity_id"]
        batch = self._batches.get(batch_id)
        if topic == REGISTERED:
            if batch is None:
                self._batches[batch_id] = _Batch(list(data["essay_ids"]))
            return []
        if topic != CONTENT:
            return [_statement("uncounted", batch_id, upload=data["file_upload_id"])]
        text = data["text_storage_id"]
        if batch is None:
            return [_statement("dropped", batch_id, text=text)]
        if text in batch.slots.values():
            return []
        free = next((essay for essay in batch.essay_ids if essay not in batch.slots), None)
        if free is None:
            return [_statement("excess", batch_id, text=text)]
        batch.slots[free] = text
        statements = [_statement("assigned", batch_id, text=text, essay=free)]
        if len(batch.slots) == len(batch.essay_ids):
            statements.append(_statement("complete", batch_id))
        return statements


def _statement(kind: str, batch_id: str, **more: str) -> dict[str, Any]:
    return {"kind": kind, "batch_id": batch_id, **more}


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Tells when the group has its partitions."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def on_partitions_revoked(self, revoked: object) -> None:
        """Nothing to do: the state is in memory and there is one member."""

    async def on_partitions_assigned(self, assigned: object) -> None:
        if assigned:
            self._event.set()


async def run_old_rule(bootstrap: str, running: asyncio.Event) -> None:
    """Consume until cancelled, publishing each statement to the old rule's topic; `running` is set at assignment."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id="old-rule", auto_offset_reset="earliest")
    consumer.subscribe(INPUTS, listener=_Assigned(running))
    rule = OldRule()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer, consumer:
        async for message in consumer:
            for statement in rule.apply(message.topic, json.loads(message.value)["data"]):
                await producer.send(OLD_RULE, json.dumps(statement).encode(), key=statement["batch_id"].encode())
