"""Topics that change while the worker runs: what it stops for, and what it only remarks on. No broker is needed."""

from pathlib import Path

import pytest
import structlog

from app.engine.kafka.cluster import Cluster, Topic
from app.engine.topics.ensure import TopicError
from app.engine.topics.memory import Memory
from app.engine.topics.watch import Watch
from app.settings import Settings
from app.topology import TOPICS
from tests.oracle import topics

LOG, CHANGELOG = "rollcall-log", "rollcall-tables-changelog"


class Looks:
    """A watch, and the topics as they are; each may be changed between two looks."""

    def __init__(self, home: Path) -> None:
        self.watch = Watch(Settings(datadir=home), TOPICS)
        self.memory = Memory(self.watch.plans)
        self.topics = {
            name: Topic(f"id-{name}", plan.partitions, 1, plan.config) for name, plan in self.watch.plans.items()
        }
        self.look()

    def look(self) -> list[str]:
        """Look once; the remarks."""
        with structlog.testing.capture_logs() as lines:
            cluster = Cluster("cluster", self.topics)
            self.watch.judge(cluster, self.memory.look(cluster))
        return [line["found"] for line in lines]


@pytest.fixture
def looks(tmp_path: Path) -> Looks:
    return Looks(tmp_path)


def test_nothing_is_said_while_nothing_changes(looks: Looks) -> None:
    assert looks.look() == looks.look() == []


@pytest.mark.parametrize("name", [LOG, CHANGELOG])
def test_partitions_that_are_added_to_an_internal_topic_stop_the_worker(looks: Looks, name: str) -> None:
    looks.topics[name] = looks.topics[name]._replace(partitions=6)
    with pytest.raises(TopicError, match=f"topic {name} has 6 partitions, .* was made with 3"):
        looks.look()


def test_partitions_that_are_added_to_an_input_are_no_matter(looks: Looks) -> None:
    looks.topics[topics.CONTENT] = looks.topics[topics.CONTENT]._replace(partitions=6)
    assert looks.look() == []


@pytest.mark.parametrize("name", [topics.READY, topics.DEAD])
def test_an_output_that_is_made_again_with_fewer_partitions_stops_the_worker(looks: Looks, name: str) -> None:
    """What is keyed to the others would wait for them, until a send is given up after two minutes."""
    looks.topics[name] = looks.topics[name]._replace(id="another", partitions=1)
    with pytest.raises(TopicError, match=f"topic {name} was deleted and made again with 1 partitions, not 3"):
        looks.look()


def test_partitions_that_are_added_to_an_output_are_no_matter(looks: Looks) -> None:
    looks.topics[topics.READY] = looks.topics[topics.READY]._replace(partitions=6)
    assert looks.look() == looks.look() == []


@pytest.mark.parametrize("name", [LOG, CHANGELOG])
def test_an_internal_topic_that_is_made_again_stops_the_worker_with_both_ids(looks: Looks, name: str) -> None:
    looks.topics[name] = looks.topics[name]._replace(id="another")
    with pytest.raises(TopicError, match=rf"deleted and made again .*\(it was id-{name} and is another\)"):
        looks.look()


@pytest.mark.parametrize("name", [LOG, CHANGELOG, topics.READY, topics.DEAD])
def test_a_topic_that_is_deleted_stops_the_worker_at_the_second_look(looks: Looks, name: str) -> None:
    gone = looks.topics.pop(name)
    assert looks.look() == []
    looks.topics[name] = gone
    assert looks.look() == []
    del looks.topics[name]
    assert looks.look() == []
    with pytest.raises(TopicError, match=f"topic {name} was deleted while the worker runs: start again"):
        looks.look()


@pytest.mark.parametrize("name", [topics.READY])
def test_an_output_that_is_made_again_is_remarked_on_once(looks: Looks, name: str) -> None:
    looks.topics[name] = looks.topics[name]._replace(id="another")
    assert looks.look() == [f"topic {name} was deleted and made again (it was id-{name} and is another)"]
    assert looks.look() == []


def test_a_setting_that_is_changed_stops_the_worker_or_is_remarked_on_as_at_start(looks: Looks) -> None:
    config = dict(looks.topics[topics.DEAD].config)
    looks.topics[topics.DEAD] = looks.topics[topics.DEAD]._replace(config=config | {"retention.ms": "1000"})
    assert [line for line in looks.look() if f"topic {topics.DEAD} has retention.ms=1000" in line]
    assert looks.look() == []
    looks.topics[LOG] = looks.topics[LOG]._replace(config={"retention.ms": "1000"})
    with pytest.raises(TopicError, match=f"topic {LOG} has retention.ms=1000 and must have retention.ms=7776000000"):
        looks.look()


def test_settings_are_not_read_at_every_look(looks: Looks) -> None:
    looks.topics = {name: topic._replace(config={}) for name, topic in looks.topics.items()}
    assert looks.look() == []
