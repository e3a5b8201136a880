"""`python -m demo.send`: one message by hand, as the platform's services would publish it.

For trying things out; the tutorial (`docs/tutorial.md`) uses it. The broker is that of `ROLLCALL_BROKER`.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from uuid import uuid4

from aiokafka.errors import KafkaError

from demo.events import CONTENT, Event, envelope
from demo.file_service import failed, provisioned
from demo.orchestrator import registered
from demo.plan import PlannedBatch, PlannedUpload
from demo.relay import kafka_producer

BROKER = "127.0.0.1:9092"


def main(argv: Sequence[str] | None = None) -> int:
    """Send the message that the arguments describe, and say where it lies; 1 if Kafka did not take it."""
    parser = argparse.ArgumentParser(prog="python3 run.py send", description="Send one message to Kafka by hand.")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    kind = kinds.add_parser("registration", help="these are the slots of the batch")
    kind.add_argument("batch", metavar="BATCH")
    kind.add_argument("essays", metavar="ESSAY", nargs="+")
    for name, text in (
        ("content", "a text for the batch is stored"),
        ("failure", "an upload for the batch was rejected"),
        ("broken", "bytes that are no message at all, on the contents' topic"),
    ):
        kind = kinds.add_parser(name, help=text)
        kind.add_argument("batch", metavar="BATCH")
        kind.add_argument("upload", metavar="UPLOAD")
    options = parser.parse_args(argv)
    broker = os.environ.get("ROLLCALL_BROKER", BROKER)
    try:
        place = asyncio.run(_send(broker, options))
    except KafkaError as error:
        sys.stderr.write(f"the broker {broker} (ROLLCALL_BROKER) did not take it: {error}\n")
        return 1
    sys.stdout.write(f"{place}\n")
    return 0


async def _send(broker: str, options: argparse.Namespace) -> str:
    if options.kind == "broken":
        topic, key, value = CONTENT, options.upload, f"{options.batch}: this is no JSON".encode()
    else:
        event = _event(options)
        topic, key = event.topic, event.key
        value = envelope(topic, event.source_service, str(event.correlation_id), event.data)
    async with kafka_producer(broker)() as producer:
        sent = await (await producer.send(topic, value, key.encode()))
    return f"{options.kind} sent: {sent.topic}:{sent.partition}:{sent.offset}"


def _event(options: argparse.Namespace) -> Event:
    batch, correlation_id = options.batch, uuid4()
    if options.kind == "registration":
        plan = PlannedBatch(batch, "by hand", tuple(options.essays), "ENG5", "teacher-1", None, 0, correlation_id, ())
        return registered(plan, correlation_id)
    name = options.upload
    upload = PlannedUpload(
        batch, name, f"{name}.txt", f"raw-{name}", f"text-{name}", "", options.kind == "content", 0, correlation_id
    )
    return provisioned(upload) if upload.valid else failed(upload, "EMPTY_CONTENT")


if __name__ == "__main__":
    sys.exit(main())
