"""Which worker owns which partition of the log, and how to reach it: as the consumer group says.

Each member tells the group its address (Faust puts it into its subscription), and the group's assignment tells who has
what. While the group rebalances the broker says neither; then the last known answer stands, and the workers themselves
say what they own: the group is a hint whom to ask, and never the last word.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import KafkaError

from app.addresses import is_address
from app.core.names import INPUTS
from app.engine.ending import ended
from app.engine.kafka.clients import admin_client, connection, new_reader
from app.engine.topics.ensure import log_topic
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

#: Seconds for which the group's answer is used again.
FRESH = 1.0

#: Seconds that the broker may take for the answer.
_PATIENCE = 5.0

#: The states of a group in which the assignment is known. In the others the broker reports none.
_SETTLED = frozenset({"Stable", "Empty", "Dead"})


#: Characters that a line quotes of a member without an address.
_TOLD = 200


class Members(NamedTuple):
    """The group: its workers' addresses with the partitions of the log that each owns.

    ``stable``: false while it rebalances, and nothing is known then. ``refused`` are members without an address that
    can be asked: their id, and what they gave for one.
    """

    stable: bool
    owned: Mapping[str, tuple[int, ...]]
    refused: frozenset[str] = frozenset()


class Membership:
    """Asks for the group's assignment, once a second at most. Usable without a worker; close it in the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: AIOKafkaAdminClient | None = None
        self._known: Mapping[str, tuple[int, ...]] = {}
        self._at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._refused: frozenset[str] = frozenset()

    async def owned(self) -> Mapping[str, tuple[int, ...]]:
        """The workers, by address, with the partitions of the log that they own as far as is known.

        Where the broker does not answer: as last known.
        """
        if time.monotonic() >= self._at + FRESH:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._refresh(), name="membership")
            # The client may hang up; others still wait for the answer.
            await asyncio.shield(self._asking)
        return self._known

    async def owner(self, partition: int) -> str | None:
        """The address of the worker that owns a partition of the log, or None where that is not known."""
        for url, partitions in (await self.owned()).items():
            if partition in partitions:
                return url
        return None

    async def close(self) -> None:
        """Let the connection go; it is made again when it is needed."""
        if self._asking is not None and self._asking is not asyncio.current_task():
            await ended(self._asking)
        admin, self._admin = self._admin, None
        if admin is not None:
            try:
                await asyncio.wait_for(admin.close(), 1.0)
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("an admin client did not close cleanly", error=str(error))

    async def _refresh(self) -> None:
        try:
            members = await asyncio.wait_for(self._ask(), _PATIENCE)
            if members.stable:
                self._known = members.owned
                self._tell_refused(members.refused)
        except Exception as error:  # noqa: BLE001 - what the group's members say may be anything
            log.warning("the group can't be asked", error=f"{type(error).__name__}: {error}")
            await self.close()
        self._at = time.monotonic()

    def _tell_refused(self, refused: frozenset[str]) -> None:
        for line in sorted(refused - self._refused):
            log.warning(
                "a member of the group has no address that can be asked: its partitions are missing "
                "(ROLLCALL_HTTP_URL of that worker, or it is none)",
                member=line,
            )
        self._refused = refused

    async def _ask(self) -> Members:
        admin = await self._connected()
        described = await admin.describe_consumer_groups([self._settings.app_id])
        return members_of(described[0].groups[0], log_topic(self._settings))

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**connection(self._settings))
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin


def members_of(group: Sequence[Any], log_name: str) -> Members:
    """What the answer to DescribeGroups says: error, group, state, protocol type, protocol, members."""
    error, _, state, _, _, members, *_ = group
    if error or state not in _SETTLED:
        return Members(stable=False, owned={})
    owned: dict[str, tuple[int, ...]] = {}
    refused = set()
    for member, _, _, subscription, assigned, *_ in members:
        try:
            url = _url(ConsumerProtocolMemberMetadata.decode(subscription).user_data)
            assignment = ConsumerProtocolMemberAssignment.decode(assigned).assignment if assigned else ()
            numbers_held = {number for topic, numbers in assignment if topic == log_name for number in numbers}
        except Exception as error:  # noqa: BLE001 - another kind of member: its bytes may be anything
            refused.add(f"{member} ({type(error).__name__})"[:_TOLD])
            continue
        if not is_address(url):
            refused.add(f"{member} {url!r}"[:_TOLD])
            continue
        owned[url] = tuple(sorted(numbers_held.union(owned.get(url, ()))))
    return Members(stable=True, owned=owned, refused=frozenset(refused))


def _url(user_data: bytes | None) -> str:
    """The address in a member's metadata, sent when it joined: JSON, in Faust's own format; empty without one."""
    try:
        url = json.loads(user_data or b"")["url"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return url if isinstance(url, str) else ""


class Lags(NamedTuple):
    """Records that the group has not committed yet, by partition: of the log, and of the inputs.

    As the broker counts: an input that ends in a transaction's marker shows 1.
    """

    log: Mapping[int, int]
    inputs: Mapping[TopicPartition, int]


async def group_lags(settings: Settings) -> Lags:
    """The group's lag, asked of the broker: for commands, which are no worker. Raises KafkaError."""
    reader = new_reader(settings)
    async with admin_client(settings) as admin:
        try:
            await reader.start()
            committed = await admin.list_consumer_group_offsets(settings.app_id)
            wanted = [log_topic(settings), *INPUTS]
            described = await admin.describe_topics(wanted)
            places = [
                TopicPartition(entry["topic"], partition["partition"])
                for entry in described
                if not entry["error_code"]
                for partition in entry["partitions"]
            ]
            ends = await reader.end_offsets(places)
            begins = await reader.beginning_offsets(places)
        finally:
            await reader.stop()
    left = {}
    for place in places:
        taken = committed[place].offset if place in committed and committed[place].offset >= 0 else begins[place]
        left[place] = max(0, ends[place] - taken)
    name = log_topic(settings)
    return Lags(
        {place.partition: lag for place, lag in left.items() if place.topic == name},
        {place: lag for place, lag in left.items() if place.topic != name},
    )
