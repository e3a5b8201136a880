"""The job on Faust as it comes, with a RocksDB table, as its documentation has it: one event at a time.

Run by `faust -A bench.programs.stock_faust_app worker`; settings by environment.
"""

import os
from typing import Any

import faust

from bench.programs import job

_NAME = os.environ["BENCH_APP"]
_PARTITIONS = int(os.environ["BENCH_PARTITIONS"])

app = faust.App(
    _NAME,
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    store="rocksdb://",
    datadir=os.environ["BENCH_STATE"],
    topic_partitions=_PARTITIONS,
    topic_replication_factor=1,
    broker_commit_interval=1.0,
    broker_session_timeout=int(os.environ["BENCH_SESSION_MS"]) // 1000,
    broker_request_timeout=int(os.environ["BENCH_SESSION_MS"]) // 1000 + 10,
    broker_heartbeat_interval=int(os.environ["BENCH_SESSION_MS"]) // 6000,
    consumer_auto_offset_reset="earliest",
    table_standby_replicas=0,
    topic_disable_leader=True,
    web_enabled=False,
)
inputs = app.topic(job.REGISTERED, job.CONTENT, value_serializer="json")
by_batch = app.topic(
    f"{_NAME}-by-batch", key_type=bytes, value_serializer="json", partitions=_PARTITIONS, internal=True
)
outputs = {
    name: app.topic(name, key_type=bytes, value_serializer="raw") for name in (job.SLOT_ASSIGNED, job.READY, job.EXCESS)
}
batches = app.Table("batches", partitions=_PARTITIONS)


@app.agent(inputs)
async def rekey(stream: Any) -> None:
    """Put each input under its batch id."""
    async for envelope in stream:
        event = job.project(envelope)
        await by_batch.send(key=event["batch"].encode(), value=event)


@app.agent(by_batch)
async def join(stream: Any) -> None:
    """Fold each event into its batch."""
    async for event in stream:
        batch = event["batch"]
        now, results = job.fold(batches.get(batch), event)
        if now is not None:
            batches[batch] = now
        for topic, key, value, headers in results:
            await outputs[topic].send(key=key, value=value, headers=dict(headers))
