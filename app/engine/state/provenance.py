"""Whose state this is: an offset says how far a store is, and not of what.

A data directory may have been filled on another cluster or for another app id, and topics may have been deleted and
made again; a name and an offset look the same then. So each local store keeps the ids of what it is a copy of, and
each partition of the changelog the id of the log that its rows follow from (:mod:`app.engine.state.origin`).

* A **store** that is foreign is thrown away and restored: it is only a copy.
* A **changelog** whose log is another one is refused: its rows no longer follow from the log.
* A **changelog** that is empty, though the group has folded records of the log, is refused: it was made again.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from app.engine.kafka import broker_errors
from app.engine.kafka.clients import admin_client
from app.engine.kafka.cluster import configurations, describe
from app.engine.ports import TopicNames
from app.engine.state import origin
from app.engine.state.origin import Origin
from app.engine.state.store import Store
from app.engine.topics.checks import check, way_out
from app.engine.topics.plans import DELETIONS_KEPT_MS, changelog_topic, log_topic, plans
from app.errors import OperatorError
from app.lazy_log import Logger
from app.settings import Settings

#: Seconds. Longer than a broker needs to restart, since a takeover that fails stops the worker.
_PATIENCE = 120.0

#: Answers that do not change by asking again.
_DENIED = (TopicAuthorizationFailedError, GroupAuthorizationFailedError)

log = Logger(__name__)


class ProvenanceError(OperatorError):
    """State does not belong to what is there. The message names the topic, both identities and the way out."""


class Provenance(NamedTuple):
    """What is there: ids (None where the broker does not say them), and how far the group has folded the log.

    ``deletions_kept``: for how long (ms) the changelog keeps deletions at the least.
    """

    cluster: str | None
    changelog: str | None
    log: str | None
    committed: Mapping[int, int]
    deletions_kept: int = DELETIONS_KEPT_MS

    def label(self, settings: Settings, partition: int) -> str:
        """What a store of the partition must say of itself."""
        return (
            f"cluster {self.cluster or '-'}, {changelog_topic(settings)} {self.changelog or '-'}, "
            f"{log_topic(settings)} {self.log or '-'}, partition {partition}"
        )


async def ask(settings: Settings, topics: TopicNames) -> Provenance:
    """Ask the cluster, again and again while no broker answers.

    Raises ProvenanceError where the log or the changelog is gone or has other partitions, and KafkaError after
    ``_PATIENCE`` seconds.
    """
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    delay = 0.1
    while True:
        try:
            return await _ask(settings, topics)
        except (KafkaError, OSError) as error:
            if isinstance(error, _DENIED) or asyncio.get_running_loop().time() > deadline:
                raise
            log.debug("the cluster can't be asked yet", error=broker_errors.told(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)


async def _ask(settings: Settings, topics: TopicNames) -> Provenance:
    log_name, changelog_name = log_topic(settings), changelog_topic(settings)
    async with admin_client(settings) as admin:
        found = await describe(admin, [log_name, changelog_name], settings=False)
        offsets = await admin.list_consumer_group_offsets(settings.app_id)
        settings_of = await configurations(admin, ConfigResourceType.TOPIC, [changelog_name])
    for name in (log_name, changelog_name):
        if name not in found.topics:
            message = f"topic {name} was deleted under the worker: start again, which says what can be done"
            raise ProvenanceError(message)
    # A worker runs only where the setting is what the state was made with, so anything else has changed meanwhile.
    findings = check(plans(settings, topics), found.topics, app_id=settings.app_id, recorded=settings.partitions)
    if findings.refusals:
        raise ProvenanceError("; ".join(findings.refusals))
    committed = {place.partition: meta.offset for place, meta in offsets.items() if place.topic == log_name}
    # Where it is longer it may have become so since; where the broker does not tell it (an ACL), it is as planned.
    kept = int(settings_of.get(changelog_name, {}).get("delete.retention.ms", DELETIONS_KEPT_MS))
    ids = found.topics[changelog_name].id, found.topics[log_name].id
    return Provenance(found.id, *ids, committed, min(kept, DELETIONS_KEPT_MS))


def claim(store: Store, settings: Settings, partition: int, provenance: Provenance) -> None:
    """Make sure that a store is a copy of what is there, or empty. What is foreign is thrown away, with a line.

    A store of an older release has no label. It can't be distinguished from a foreign one, so it is restored too, once.
    """
    wanted, found = provenance.label(settings, partition), store.identity
    if found == wanted:
        return
    if found is not None:
        log.warning(
            "local state is of something else and will be restored",
            path=str(store.path),
            partition=partition,
            found=found,
            wanted=wanted,
        )
        store.wipe()
    elif not store.empty:
        log.warning(
            "local state does not say whose it is, as older releases wrote it, and will be restored once",
            path=str(store.path),
            partition=partition,
            wanted=wanted,
        )
        store.wipe()
    store.label(wanted)


def check_changelog(settings: Settings, partition: int, end: int, provenance: Provenance) -> None:
    """Refuse a changelog without a single record, where records of the log were folded: each of them left rows."""
    folded = provenance.committed.get(partition, 0)
    if end == 0 and folded > 0:
        message = (
            f"topic {changelog_topic(settings)} partition {partition} is empty, and {folded} offsets of "
            f"{log_topic(settings)} were folded into it: it was deleted and made again. The log has all that it said: "
            f"{way_out(settings.partitions)}"
        )
        raise ProvenanceError(message)


def check_begin(settings: Settings, partition: int, begin: int, store: Store) -> None:
    """Refuse a changelog that begins behind what the store has: records between were deleted, and not by compaction,
    which leaves a topic's beginning where it is. Where the store has them all, that is not an error.
    """
    if begin > store.offset:
        message = (
            f"topic {changelog_topic(settings)} partition {partition} begins at offset {begin}, and the local state in "
            f"{store.path} ends at {store.offset}: what lies between was deleted (DeleteRecords, or delete in its "
            f"cleanup.policy), and facts with it. The log has them all: {way_out(settings.partitions)}"
        )
        raise ProvenanceError(message)
    if begin:
        log.warning(
            "records of the changelog were deleted, and only local state has what they said: without it the next "
            "takeover is refused",
            topic=changelog_topic(settings),
            partition=partition,
            begins_at=begin,
            path=str(store.path),
            remedy=way_out(settings.partitions),
        )


def check_origin(settings: Settings, partition: int, store: Store, provenance: Provenance) -> Origin | None:
    """Hold what a restored store says of its log and its count against what is there.

    Returns the row that is still to be written where the store has none, else None. Raises ProvenanceError.
    """
    row = store.get(origin.KEY)
    if row is None:
        return Origin(provenance.cluster, provenance.log, settings.partitions)
    found = origin.read(row)
    if found.partitions != settings.partitions:
        message = (
            f"the state of {changelog_topic(settings)} partition {partition} was made with {found.partitions} "
            f"partitions, and ROLLCALL_PARTITIONS is {settings.partitions}: keys would belong elsewhere, and batches "
            f"would be torn in two. Set it to {found.partitions}; where the topics have more by now: "
            f"{way_out(found.partitions)}"
        )
        raise ProvenanceError(message)
    if None not in {found.log, provenance.log} and found.log != provenance.log:
        message = (
            f"topic {log_topic(settings)} was made anew: the state of partition {partition} follows from the log "
            f"{found.log} of cluster {found.cluster}, and this one is {provenance.log} of cluster "
            f"{provenance.cluster}. What the tables say no longer follows from it. Use another ROLLCALL_APP_ID, which "
            "reads the inputs anew"
        )
        raise ProvenanceError(message)
    return None
