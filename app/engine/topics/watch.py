"""Topics, watched while the worker runs: what is refused at start is refused when it comes about later.

Partitions that are added, a topic that is deleted or made again, a retention that is shortened: the worker's clients
would notice some of it after minutes, and most of it never.
"""

import asyncio
from typing import Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.engine.kafka import broker_errors
from app.engine.kafka.authorization import AccessWatch
from app.engine.kafka.clients import connection
from app.engine.kafka.cluster import Cluster, describe
from app.engine.ports import TopicNames
from app.engine.topics.checks import Findings, check
from app.engine.topics.ensure import TopicError
from app.engine.topics.input_watch import Inputs, InputWatch
from app.engine.topics.plans import Plan, Role, plans
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Seconds between two looks. A deletion is reported within two of them.
_EVERY: Final = 4.0

#: Every how many looks the settings of the topics are read as well, which is a larger question.
_SETTINGS_EVERY: Final = 5

#: A topic that has just been made, or is being moved, may be missing from one broker's answer: this many looks decide.
_SURE: Final = 2


class Watch:
    """What is known of the topics from one look to the next. Each look is passed to :meth:`judge`."""

    def __init__(self, settings: Settings, topics: TopicNames) -> None:
        self.settings = settings
        self.plans = plans(settings, topics)
        self._ids: dict[str, str] = {}
        self._partitions: dict[str, int] = {}
        self._missing: dict[str, int] = {}
        self._told: set[str] = set()

    def judge(self, cluster: Cluster) -> None:
        """Hold the topics against what they must be and what they were. Raises TopicError; remarks once on the rest."""
        # The count that the state was made with is the setting: a worker runs only where they are the same.
        found = check(self.plans, cluster.topics, app_id=self.settings.app_id, recorded=self.settings.partitions)
        findings = Findings((*found.refusals, *self._gone(cluster)), found.remarks)
        if findings.refusals:
            raise TopicError("; ".join(findings.refusals))
        for remark in (*findings.remarks, *self._made_again(cluster)):
            if remark not in self._told:
                self._told.add(remark)
                log.warning("a topic is not what it should be", found=remark)

    def _gone(self, cluster: Cluster) -> list[str]:
        """Topics that the worker can't go on without: deleted, or made again where the state follows from them."""
        lines = []
        for name, plan in self.plans.items():
            topic = cluster.topics.get(name)
            if topic is None:
                self._missing[name] = self._missing.get(name, 0) + 1
                if plan.role is not Role.INPUT and self._missing[name] >= _SURE:
                    lines.append(f"topic {name} was deleted while the worker runs: {_after_deletion(plan)}")
                continue
            self._missing.pop(name, None)
            partitions = self._partitions.get(name, 0)
            if plan.role in {Role.OUTPUT, Role.DEAD_LETTER} and topic.partitions < partitions:
                # What is keyed to a partition that is not there would wait for it, and all behind it.
                lines.append(
                    f"topic {name} was deleted and made again with {topic.partitions} partitions, not {partitions}, "
                    "while the worker runs: start again, which sends to those that there are"
                )
            known = self._ids.get(name)
            if plan.fixed_partitions and known is not None and topic.id not in {None, known}:
                lines.append(
                    f"topic {name} was deleted and made again while the worker runs (it was {known} and is "
                    f"{topic.id}): {_after_deletion(plan)}"
                )
        return lines

    def _made_again(self, cluster: Cluster) -> list[str]:
        lines = []
        for name, topic in cluster.topics.items():
            known = self._ids.get(name)
            if name in self.plans:
                self._partitions[name] = topic.partitions
            if topic.id is not None and name in self.plans:
                self._ids[name] = topic.id
                # Of the inputs the reader reports it, and reads them from their beginning.
                if known not in {None, topic.id} and self.plans[name].role is not Role.INPUT:
                    lines.append(f"topic {name} was deleted and made again (it was {known} and is {topic.id})")
        return lines


def _after_deletion(plan: Plan) -> str:
    if plan.fixed_partitions:
        return "start again, which says what is lost and what can be done"
    return "start again, which makes it; what consumers had not read of it is gone, and `faust -A app replay` names it"


async def watch(settings: Settings, topics: TopicNames, inputs: Inputs, every: float = _EVERY) -> None:
    """Look again and again until cancelled; have inputs that were created again read from their beginning.

    Raises TopicError, or AuthorizationError, when the worker can't go on.

    A broker that does not answer is asked again: others tell of that.
    """
    known, read, access = Watch(settings, topics), InputWatch(inputs, topics.inputs), AccessWatch(settings, topics)
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
                known.judge(cluster)
                await read.look(cluster)
            await asyncio.sleep(every)
    finally:
        await _close(admin)


async def _close(admin: AIOKafkaAdminClient | None) -> None:
    if admin is not None:
        await admin.close()
