"""Brokers that are lent and given back: what an earlier borrower left is removed.

A process of the test run has one, and others only while more are lent at a time. Those of all processes share one JVM,
see `shared_jvm`. Who needs settings of the broker, or leaves more behind than topics, groups and members, makes a
`Broker`; who kills or pauses it borrows one that is a process of its own.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest

from demo.kafka import EmbeddedKafka, free_port
from demo.kafka.process import Running
from tests.support.patience import PATIENCE
from tests.support.shared_jvm import Jvm, begun_jvm, in_memory, shared_jvm

# ms: a worker that was killed is missed after 2 s where a test sets its session time-out to that; Kafka's own least is
# 6 s. Above 1 s, so that a setting that Rollcall allows and this broker doesn't is left to be tested.
LEAST_SESSION_MS = 1500
# Bytes of the log cleaner's map of keys, enough for some 80,000 of them (24 bytes each at a load of 0.9). Kafka's own
# 128 MiB are zeroed anew for each partition that it cleans: a tenth of the CPU of a broker that lives for minutes.
CLEANER_BYTES = 2 << 20
SETTINGS = {
    "group.min.session.timeout.ms": str(LEAST_SESSION_MS),
    "log.cleaner.dedupe.buffer.size": str(CLEANER_BYTES),
    # No record of the controller that says nothing, twice a second: a quarter of what an idle broker takes.
    "metadata.max.idle.interval.ms": "0",
    # On two cores more threads answer no sooner, and each that waits is woken three times a second.
    "num.network.threads": "1",
    "num.io.threads": "1",
    # Nobody asks by JMX, where each partition of each topic that a test makes would be entered a dozen times.
    "metric.reporters": "",
    "metrics.jmx.exclude": ".*",
}
# ms: of one that is never killed, so that nobody waits for its session to be over before it may begin again. That it
# tells its own controller twice a second that it lives is a third of what an idle broker takes.
CALM = {"broker.heartbeat.interval.ms": "8000", "broker.session.timeout.ms": "30000"}
INTERNAL = {"__consumer_offsets", "__transaction_state"}


class Broker(EmbeddedKafka):
    """A broker of tests: in the JVM that all share, its files in memory, both where that can be.

    It is started, stopped and started again as any `EmbeddedKafka`. Its process is not its own: `pid`, `kill`, `pause`
    and `resume` raise NotOwnError.

    Args:
        config: its settings, beside `SETTINGS` and before them.
        own: it is a process of its own, which can be killed and paused.

    """

    def __init__(self, config: Mapping[str, str], *, own: bool = False) -> None:
        super().__init__(config={**SETTINGS, **({} if own else CALM), **config})
        #: Whether its next start is as a process of its own; its data is the same.
        self.own = own

    @property
    def _jvm(self) -> Jvm | None:
        """The JVM that it is in; None where it is a process."""
        return None if self.own else shared_jvm()

    def _prepare(self) -> Path:
        """Its files are in memory where that may be: a broker that makes and removes topics takes a fourth less."""
        if self._data_dir is None:
            jvm = begun_jvm() if self.own else shared_jvm()
            home = in_memory() if jvm is None else jvm.home
            self._data_dir = Path(mkdtemp(prefix="rollcall-kafka-", dir=home))
        return super()._prepare()

    def _run(self, command: Sequence[str], data_dir: Path) -> Running:
        return super()._run(command, data_dir) if self._jvm is None else self._jvm.begin(data_dir)

    def discard(self) -> None:
        """Close it, its data with it, in the quickest way."""
        if self.own:
            self.kill()
        self.close()


class Lent(Broker):
    """A broker with a second listener, ``behind``, that is advertised at another port, where a proxy may stand.

    Who bootstraps from ``advertised`` gets to the broker through that proxy alone.
    """

    def __init__(self, *, own: bool) -> None:
        self.behind, self.advertised = free_port(), free_port()
        listeners = {
            "listeners": f"PROXIED://127.0.0.1:{self.behind}",
            "advertised.listeners": f"PROXIED://127.0.0.1:{self.advertised}",
            "listener.security.protocol.map": "PROXIED:PLAINTEXT",
        }
        super().__init__(listeners, own=own)


_free: list[Lent] = []


@contextmanager
def borrowed(*, own: bool = False) -> Iterator[Lent]:
    """Lend a running broker without topics of anybody's and without groups. It may be stopped and started again.

    Who kills or pauses it asks for one that is a process of its own.
    """
    kafka = Lent(own=own) if own or not _free else _free.pop()
    try:
        kafka.start()
        yield kafka
        # One that nobody needs still costs a fiftieth of a core: none is kept beside another, and none that few need.
        if kept := kafka.alive and not own and not _free:
            with ThreadPoolExecutor(1) as aside:  # this thread may run a loop already: a browser's driver does
                aside.submit(asyncio.run, _cleared(kafka.bootstrap)).result()
    except BaseException:
        kafka.close()
        raise
    if kept:
        _free.append(kafka)
    else:
        kafka.discard()


def close_all() -> None:
    """End the brokers that nobody has borrowed."""
    while _free:
        _free.pop().discard()


async def _cleared(bootstrap: str) -> None:
    """Remove all topics and groups. A broker that was frozen until a moment ago is asked again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await _clear(bootstrap)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def _clear(bootstrap: str) -> None:
    """Remove all topics and groups. The members of killed workers leave at once, not when their session is over."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        groups = [name for name, _ in await _groups(admin)]
        for group in groups:
            for member in await _members(admin, group):
                await admin._send_request(LeaveGroupRequest(group, member))
        if groups:
            await admin._send_request(DeleteGroupsRequest(groups))
        # One that was frozen a moment ago may name no broker at first, not even itself.
        while admin._client.cluster.controller is None:
            await admin._client.force_metadata_update()
            await asyncio.sleep(0.02)
        if doomed := sorted(set(await admin.list_topics()) - INTERNAL):
            await admin.delete_topics(doomed)
        while set(await admin.list_topics()) - INTERNAL:  # noqa: ASYNC110 - what is waited for is the broker's
            await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def _groups(admin: AIOKafkaAdminClient) -> list[tuple[str, str]]:
    try:
        return [(entry[0], entry[1]) for entry in await admin.list_consumer_groups()]
    except GroupCoordinatorNotAvailableError:  # a broker that never had a group
        return []


async def _members(admin: AIOKafkaAdminClient, group: str) -> list[str]:
    answers = await admin.describe_consumer_groups([group])
    return [member[0] for answer in answers for described in answer.groups for member in described[5]]
