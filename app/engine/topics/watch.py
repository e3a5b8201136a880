"""Topics, watched while the worker runs: what is refused at start is refused when it comes about later.

Partitions that are added, a topic that is deleted or made again, a retention that is shortened: the worker's clients
would notice some of it after minutes, and most of it never.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.engine.kafka import broker_errors
from app.engine.kafka.authorization import AccessWatch
from app.engine.kafka.clients import connection
from app.engine.kafka.cluster import Cluster, describe
from app.engine.ports import TopicNames
from app.engine.topics.checks import check
from app.engine.topics.ensure import TopicError
from app.engine.topics.input_watch import Inputs, InputWatch
from app.engine.topics.memory import Change, Memory
from app.engine.topics.plans import Plan, Role, plans
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

#: Seconds between two looks. A deletion is told within two of them.
_EVERY: Final = 4.0

#: Every how many looks the settings of the topics are read as well, which is a larger question.
_SETTINGS_EVERY: Final = 5


class Watch:
    """What topics must be, and what must not happen to them. Each look is told to :meth:`judge`."""

    def __init__(self, settings: Settings, topics: TopicNames) -> None:
        self.settings = settings
        self.plans = plans(settings, topics)
        self._told: set[str] = set()

    def judge(self, cluster: Cluster, changes: Sequence[Change]) -> None:
        """Hold the topics against what they must be, and what happened to them since the last look. Raises TopicError;
        remarks once on the rest.
        """
        # The count that the state was made with is the setting: a worker runs only where they are the same.
        found = check(self.plans, cluster.topics, app_id=self.settings.app_id, recorded=self.settings.partitions)
        # Of the inputs the reader tells, which reads them anew.
        ours = [change for change in changes if self.plans[change.topic].role is not Role.INPUT]
        refusals = (*found.refusals, *filter(None, map(self._refuse, ours)))
        if refusals:
            raise TopicError("; ".join(refusals))
        for remark in (*found.remarks, *(_made_again(change) for change in ours if change.other_id)):
            if remark not in self._told:
                self._told.add(remark)
                log.warning("a topic is not what it should be", found=remark)

    def _refuse(self, change: Change) -> str | None:
        """Why the worker can't go on: a topic was deleted, or made again where the state follows from it."""
        name, _, before, now = change
        plan = self.plans[name]
        if now is None:
            return f"topic {name} was deleted while the worker runs: {_after_deletion(plan)}"
        if before is None:
            return None
        if plan.fixed_partitions:
            if not change.other_id:
                return None
            return (
                f"topic {name} was deleted and made again while the worker runs (it was {before.id} and is {now.id}): "
                f"{_after_deletion(plan)}"
            )
        if now.partitions >= before.partitions:
            return None
        # What is keyed to a partition that is not there would wait for it, and all behind it.
        return (
            f"topic {name} was deleted and made again with {now.partitions} partitions, not {before.partitions}, while "
            "the worker runs: start again, which sends to those that there are"
        )


def _made_again(change: Change) -> str:
    ids = [None if seen is None else seen.id for seen in (change.before, change.now)]
    return f"topic {change.topic} was deleted and made again (it was {ids[0]} and is {ids[1]})"


def _after_deletion(plan: Plan) -> str:
    if plan.fixed_partitions:
        return "start again, which says what is lost and what can be done"
    return "start again, which makes it; what consumers had not read of it is gone, and `faust -A app replay` names it"


async def watch(settings: Settings, topics: TopicNames, inputs: Inputs, every: float = _EVERY) -> None:
    """Look again and again, for as long as nobody cancels it; have inputs read anew that were made anew.

    Raises TopicError, or AuthorizationError, when the worker can't go on.

    A broker that does not answer is asked again: others tell of that.
    """
    known, read, access = Watch(settings, topics), InputWatch(inputs, topics.inputs), AccessWatch(settings, topics)
    memory = Memory(known.plans)
    looks = 0
    admin: AIOKafkaAdminClient | None = None
    try:
        while True:
            try:
                if admin is None:
                    admin = AIOKafkaAdminClient(**connection(settings))
                    await admin.start()
                await access.look(admin)
                with_settings = looks % _SETTINGS_EVERY == 0
                cluster = await describe(admin, known.plans, settings=with_settings)
                looks += 1
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("the topics can't be looked at", error=broker_errors.told(error))
                await _close(admin)
                admin = None
            else:
                changes = memory.look(cluster)
                known.judge(cluster, changes)
                await read.take(changes)
            await asyncio.sleep(every)
    finally:
        await _close(admin)


async def _close(admin: AIOKafkaAdminClient | None) -> None:
    if admin is not None:
        await admin.close()
