"""What the system is made of: topics, agents, tables."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from app.core import names
from app.engine.topics.ensure import changelog_topic, log_topic
from app.settings import Settings


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Topic(_Model):
    """A topic. ``role`` is input, log, changelog, output or dead letters; ``partitions`` null where it is not known."""

    name: str
    role: str
    partitions: int | None


class Agent(_Model):
    """A stage: what it reads and writes, by topic."""

    name: str
    does: str
    reads: list[str]
    writes: list[str]
    tables: list[str]


class Table(_Model):
    """A table; all of them share the changelog."""

    name: str
    holds: str


class Topology(_Model):
    """The whole plan. ``asked``: the partition counts are the broker's."""

    app_id: str
    asked: bool
    changelog: str
    topics: list[Topic]
    agents: list[Agent]
    tables: list[Table]


_TABLES = {
    "batches": "what became of every upload, as immutable facts",
    "pending": "the originals of uploads that wait for their registration",
    "waiting": "which batches wait, and since when",
    "sources": "how far each partition of the inputs has been read into the log",
}


def topology_of(settings: Settings, counts: Mapping[str, int]) -> Topology:
    """The topology; ``counts`` are the partitions of the topics that exist, empty where the broker was not asked."""
    log, changelog = log_topic(settings), changelog_topic(settings)
    roles = dict.fromkeys(names.INPUTS, "input") | {log: "log", changelog: "changelog"}
    roles |= dict.fromkeys(names.OUTPUTS, "output") | {names.DEAD_LETTER: "dead letters"}
    join_writes = [changelog, *names.OUTPUTS]
    return Topology(
        app_id=settings.app_id,
        asked=bool(counts),
        changelog=changelog,
        topics=[Topic(name=name, role=role, partitions=counts.get(name)) for name, role in roles.items()],
        agents=[
            Agent(
                name="rekey",
                does="re-keys the inputs by batch id into one ordered log",
                reads=list(names.INPUTS),
                writes=[log],
                tables=[],
            ),
            Agent(
                name="join",
                does="folds the log into batches and says what follows",
                reads=[log],
                writes=join_writes,
                tables=list(_TABLES),
            ),
            Agent(
                name="ticks",
                does="tells the log the time when a deadline is due in it",
                reads=[],
                writes=[log],
                tables=[],
            ),
        ],
        tables=[Table(name=name, holds=holds) for name, holds in _TABLES.items()],
    )


def mermaid(plan: Topology) -> str:
    """The topology as a Mermaid flow chart."""
    ids = {topic.name: f"t{number}" for number, topic in enumerate(plan.topics)}
    lines = ["flowchart LR"]
    for topic in plan.topics:
        count = "" if topic.partitions is None else f"<br/>{topic.partitions} partitions"
        opened, closed = ("[(", ")]") if topic.role == "changelog" else ("([", "])")
        lines.append(f'  {ids[topic.name]}{opened}"{topic.name}{count}"{closed}')
    for agent in plan.agents:
        tables = f"<br/>tables: {', '.join(agent.tables)}" if agent.tables else ""
        lines.append(f'  {agent.name}["{agent.name}{tables}"]')
        lines += [f"  {ids[topic]} --> {agent.name}" for topic in agent.reads]
        lines += [f"  {agent.name} --> {ids[topic]}" for topic in agent.writes]
    return "\n".join(lines) + "\n"
