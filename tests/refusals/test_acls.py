"""ACLs: what a worker may not do is named, with operation, resource, name and principal, at start and while it runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from app.engine.kafka import authorization
from app.engine.kafka.authorization import AuthorizationError
from app.engine.kafka.clients import connection
from app.engine.topics import ensure
from app.settings import Settings
from app.topology import TOPICS, topology
from tests.oracle import topics as names
from tests.refusals.conftest import PASSWORD, USERS, Guarded
from tests.security.conftest import Workers
from tests.support import events
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

APP = "guarded"
LOG, CHANGELOG = f"{APP}-log", f"{APP}-tables-changelog"

Rule = tuple[str, str, str]

#: Each is denied to a user of its own.
CASES: list[Rule] = [
    ("Describe", "Topic", names.REGISTERED),
    ("Read", "Topic", names.CONTENT),
    ("Read", "Topic", LOG),
    ("Write", "Topic", LOG),
    ("Read", "Topic", CHANGELOG),
    ("Write", "Topic", CHANGELOG),
    ("Write", "Topic", names.READY),
    ("Write", "Topic", names.DEAD),
    ("Describe", "Group", APP),
    ("Read", "Group", APP),
    ("Describe", "TransactionalId", f"{APP}-1"),
    ("Write", "TransactionalId", f"{APP}-2"),
]

#: Of a line that the worker writes down once, and of what the libraries add; they were hundreds.
MOST_LINES = 40

#: A broker knows an ACL within milliseconds of its making.
KNOWN_SECONDS = PATIENCE

#: 10 s are promised; a loaded machine takes several times as long for everything.
NOTICED_SECONDS = PATIENCE


async def made_of(settings: Settings) -> None:
    """Make and check the topics, as a worker with these settings does at start."""
    await ensure.ensure(settings, topology(settings))


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Makes workers, and ends them."""
    made = Workers(tmp_path_factory.mktemp("workers"))
    yield made
    made.close()


def settings_of(guarded: Guarded, user: str, app_id: str = APP) -> Settings:
    return Settings(
        broker=guarded.login,
        app_id=app_id,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_username=user,
        sasl_password=SecretStr(PASSWORD),
    )


async def asked(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        await authorization.check(admin, settings, TOPICS)
    finally:
        await admin.close()


def allowed(guarded: Guarded, user: str) -> None:
    """Let a user do all that a worker does, and wait until the broker does so: it learns of an ACL a moment later."""
    guarded.allow_all(user)
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            asyncio.run(asked(settings_of(guarded, user)))
        except AuthorizationError:
            assert time.monotonic() < deadline
        else:
            return


def refused(action: Callable[[], Coroutine[Any, Any, None]], user: str, rule: Rule) -> None:
    """Do what is refused by the name of the rule, as soon as the broker knows of it."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            asyncio.run(action())
        except AuthorizationError as error:
            said = str(error)
            break
        assert time.monotonic() < deadline
    operation, resource, name = rule
    assert f"{operation} on {resource} {name}" in said
    assert f"User:{user} (ROLLCALL_SASL_USERNAME)" in said
    assert f"--operation {operation} " in said
    assert PASSWORD not in said


@pytest.fixture(scope="module")
def made(guarded: Guarded) -> Guarded:
    """The broker with all topics, made by a client that may do everything."""
    asyncio.run(made_of(Settings(broker=guarded.kafka.bootstrap, app_id=APP)))
    return guarded


@pytest.mark.parametrize(("number", "rule"), list(enumerate(CASES)), ids=[" ".join(rule) for rule in CASES])
def test_what_is_denied_is_named_before_anything_is_done(made: Guarded, number: int, rule: Rule) -> None:
    user = USERS[number]
    allowed(made, user)
    made.deny(user, rule)
    refused(lambda: asked(settings_of(made, user)), user, rule)


def test_a_topic_that_may_not_be_created_is_named(made: Guarded) -> None:
    user, app_id = USERS[len(CASES)], "creates"
    made.deny(user, rule := ("Create", "Topic", f"{app_id}-log"))
    allowed(made, user)  # so that the denial is known as well
    refused(lambda: made_of(settings_of(made, user, app_id)), user, rule)


def ended(worker: Worker, line: str) -> None:
    """The worker ends with status 1 and says the line once, and little else."""
    assert worker.wait_end(NOTICED_SECONDS) == 1
    log = worker.log.read_text()
    assert line in log, worker.tail()
    assert "Traceback" not in log, worker.tail()
    assert log.count("the worker can't go on and stops") <= 1
    assert log.count("\n") < MOST_LINES, worker.tail()
    assert PASSWORD not in log


#: Taken from workers that run: what was allowed at their start.
REVOKED: list[Rule] = [
    ("Write", "Topic", names.READY),
    ("Read", "Group", "revoked-1"),
    ("Write", "TransactionalId", "revoked-2-0"),
]


def test_what_is_denied_to_workers_that_run_ends_them(made: Guarded, workers: Workers) -> None:
    users = USERS[-len(REVOKED) :]
    running = []
    for number, user in enumerate(users):
        allowed(made, user)
        running.append(workers.launch(made.login, f"revoked-{number}", made.settings(user)))
    for worker in running:
        worker.wait_ready()
    for user, rule in zip(users, REVOKED, strict=True):
        made.deny(user, rule)
    with KafkaIO(made.kafka.bootstrap) as io:  # so that they also run into it
        batch = "revoked"
        sent = [events.registration(batch, events.essay_ids(batch, 1)), events.content(batch, "upload", "text")]
        io.produce(events.message(item) for item in sent)
    for worker, user, (operation, resource, name) in zip(running, users, REVOKED, strict=True):
        ended(worker, f"{operation} on {resource} {name}")
        assert f"User:{user} (ROLLCALL_SASL_USERNAME)" in worker.log.read_text()


@pytest.mark.parametrize("moment", ["start", "running"])
def test_a_user_without_any_right_ends_with_one_line_whenever_it_comes_to_that(
    made: Guarded, workers: Workers, moment: str
) -> None:
    """Nobody has allowed it anything, or all that was allowed is taken away at once."""
    user, app_id = USERS[len(CASES) + 2 + (moment == "running")], f"nothing-{moment}"
    if moment == "running":
        allowed(made, user)
    worker = workers.launch(made.login, app_id, made.settings(user))
    if moment == "running":
        worker.wait_ready()
        made.deny(user, *(("All", resource, "*") for resource in ("Topic", "Group", "TransactionalId")))
    ended(worker, "the broker's ACLs deny")
    log = worker.log.read_text()
    assert f"User:{user} (ROLLCALL_SASL_USERNAME)" in log
    assert "kafka-acls.sh --add" in log


def test_a_worker_that_is_denied_something_at_its_start_ends_with_one_line(made: Guarded, workers: Workers) -> None:
    number = CASES.index(("Write", "Topic", names.READY))
    worker = workers.launch(made.login, APP, made.settings(USERS[number]))
    ended(worker, f"Write on Topic {names.READY}")
