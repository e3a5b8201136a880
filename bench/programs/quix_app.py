"""The job on Quix Streams, in the environment of its own that `contestants/quix.py` makes; settings by environment."""

import os
from typing import Any

from quixstreams import Application, State  # type: ignore[import-not-found] # in an environment of its own
from quixstreams.models import Serializer, TopicConfig  # type: ignore[import-not-found] # the same

from bench.programs import job


class Ready(Serializer):  # type: ignore[misc]
    """Outputs are encoded by the job."""

    def __call__(self, value: job.Output, ctx: Any) -> bytes:  # noqa: ARG002 - as called
        """The value of the output."""
        return value[2]


def main() -> None:
    """Run until SIGTERM."""
    name, session = os.environ["BENCH_APP"], int(os.environ["BENCH_SESSION_MS"])
    app = Application(
        broker_address=os.environ["BENCH_BOOTSTRAP"],
        consumer_group=name,
        state_dir=os.environ["BENCH_STATE"],
        processing_guarantee="at-least-once",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        consumer_extra_config={"session.timeout.ms": session, "fetch.message.max.bytes": 4 * 1024 * 1024},
        producer_extra_config={"linger.ms": 20, "batch.size": 256 * 1024},
        loglevel="WARNING",
    )
    config = TopicConfig(num_partitions=int(os.environ["BENCH_PARTITIONS"]), replication_factor=1)
    by_batch = app.topic(f"{name}-by-batch", key_serializer="str", key_deserializer="str", config=config)
    for topic in (job.REGISTERED, job.CONTENT):
        app.dataframe(app.topic(topic)).apply(job.project).to_topic(by_batch, key=lambda event: event["batch"])

    outputs = {
        topic: app.topic(topic, value_serializer=Ready()) for topic in (job.SLOT_ASSIGNED, job.READY, job.EXCESS)
    }
    folded = app.dataframe(by_batch).apply(fold, stateful=True, expand=True)
    folded = folded.set_headers(lambda output, _key, _timestamp, _headers: output[3])
    folded.to_topic(lambda output, _key, _timestamp, _headers: outputs[output[0]], key=lambda output: output[1])
    app.run()


def fold(event: dict[str, Any], state: State) -> list[job.Output]:
    """One event against the state of its batch: the message's key."""
    now, outputs = job.fold(state.get("batch"), event)
    if now is not None:
        state.set("batch", now)
    return outputs


if __name__ == "__main__":
    main()
