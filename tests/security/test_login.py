"""On a real broker: who is let in works, and who is refused is told why, and stops."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.engine.kafka import broker_diagnosis
from app.settings import Settings
from demo.kafka import free_port
from tests.asyncapi.checking import output_problems
from tests.oracle import topics
from tests.security.certificates import KEY_PASSWORD
from tests.security.conftest import PASSWORD, USER, WRONG_PASSWORD, Secured, Workers
from tests.support import events
from tests.support.forks import run_all
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

SECRETS = (PASSWORD, WRONG_PASSWORD, KEY_PASSWORD)


def secretless(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


async def found(bootstrap: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What `connect.check` says; RefusedError is the test's to expect."""
    for name in list(os.environ):
        if name.startswith("ROLLCALL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(Path(__file__).parent)  # no .env is there
    for name, value in ({"ROLLCALL_BROKER": bootstrap} | dict(environment)).items():
        monkeypatch.setenv(name, value)
    return await broker_diagnosis.check(Settings())


def test_workers_that_are_let_in_serve_a_batch(secured: Secured, io: KafkaIO, workers: Workers) -> None:
    """Each by its own listener; the guarantee of the first needs transactions, that of the second none."""
    made: list[Worker] = [
        workers.launch(secured.scram, "by-password", secured.scram_login()),
        workers.launch(
            secured.mutual,
            "by-certificate",
            secured.own_certificate(ROLLCALL_PROCESSING_GUARANTEE="at_least_once"),
        ),
    ]
    for worker in made:
        worker.wait_ready()
    batch = "secured"
    slots = events.essay_ids(batch, 2)
    reader = io.reader(topics.OUTPUTS, read_committed=True)
    sent = [events.content(batch, f"{batch}-{number}", f"text-{number}") for number in range(2)]
    io.produce(events.message(given) for given in [sent[0], events.registration(batch, slots), sent[1]])
    reader.require(
        lambda records: len([record for record in records if record.topic == topics.READY]) == len(made),
        "a ready event of each worker",
    )
    for record in reader.records:
        assert output_problems(record.topic, record.value, record.headers) == []
    for given in made:
        given.stop()
        assert secretless(given.log.read_text()), given.tail()


def test_workers_that_are_refused_stop_and_say_why(secured: Secured, workers: Workers) -> None:
    other = str(secured.files.other_authority)
    wrong_password = {"ROLLCALL_SASL_PASSWORD": WRONG_PASSWORD, "ROLLCALL_SASL_MECHANISM": "PLAIN"}
    said = {
        # With all that the libraries would say: a client writes down whole requests, the one with the password too.
        workers.launch(
            secured.scram, "wrong-password", secured.scram_login(**wrong_password), "--loglevel=debug"
        ): f"ROLLCALL_SASL_USERNAME='{USER}', ROLLCALL_SASL_PASSWORD: the broker {secured.scram} refuses the login",
        workers.launch(
            secured.scram, "unknown-authority", secured.scram_login(ROLLCALL_SSL_CAFILE=other)
        ): f"ROLLCALL_SSL_CAFILE='{other}': the certificate of the broker {secured.scram} is refused",
    }
    deadline = time.monotonic() + PATIENCE
    for worker, line in said.items():
        while worker.alive:
            assert time.monotonic() < deadline, worker.tail()
            time.sleep(0.05)
        assert worker.exit_code == 1
        log = worker.log.read_text()
        assert line in log
        assert "Traceback" not in log, worker.tail()
        assert secretless(log)


def test_workers_whose_broker_is_not_there_wait_for_it(secured: Secured, workers: Workers) -> None:
    """A port where nobody listens may be a broker's again in a moment; so may one that closes what it accepts."""
    nobody = workers.launch(f"127.0.0.1:{free_port()}", "nobody-there", secured.scram_login())
    other = workers.launch(secured.scram, "other-protocol", {})
    for worker in (nobody, other):
        deadline = time.monotonic() + PATIENCE
        while worker.log.read_text().count("the broker can't be reached; trying again") < 2:
            assert time.monotonic() < deadline, worker.tail()
            time.sleep(0.1)
        assert worker.alive
        worker.stop()
    assert "does its listener speak ROLLCALL_SECURITY_PROTOCOL=PLAINTEXT, and" in other.log.read_text()


def test_a_command_that_is_refused_says_why(secured: Secured, tmp_path: Path) -> None:
    settings = secured.scram_login(ROLLCALL_SASL_PASSWORD=WRONG_PASSWORD)
    (done,) = run_all([["dlq", "list"]], Worker(secured.scram, tmp_path, settings=settings).env)
    assert done.returncode == 1
    assert f"ROLLCALL_SASL_PASSWORD: the broker {secured.scram} refuses the login" in done.stderr
    assert secretless(done.stdout + done.stderr)


async def test_every_way_in_is_open(secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    by_file = {name: value for name, value in secured.scram_login().items() if name != "ROLLCALL_SASL_PASSWORD"}
    ways: list[tuple[str, dict[str, str]]] = [
        (secured.kafka.bootstrap, {}),
        (secured.scram, secured.scram_login()),
        (secured.scram, secured.scram_login(ROLLCALL_SASL_MECHANISM="PLAIN")),
        (secured.scram, by_file | {"ROLLCALL_SASL_PASSWORD_FILE": str(password)}),
        (secured.mutual, secured.own_certificate()),
        (
            secured.login,
            {
                "ROLLCALL_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "ROLLCALL_SASL_MECHANISM": "PLAIN",
                "ROLLCALL_SASL_USERNAME": USER,
                "ROLLCALL_SASL_PASSWORD": PASSWORD,
            },
        ),
    ]
    for bootstrap, environment in ways:
        assert await found(bootstrap, environment, monkeypatch) is None


REFUSED: dict[str, tuple[str, dict[str, str], str]] = {
    "another password": ("scram", {"ROLLCALL_SASL_PASSWORD": WRONG_PASSWORD}, "ROLLCALL_SASL_PASSWORD: the broker"),
    "another password, told in plain": (
        "scram",
        {"ROLLCALL_SASL_PASSWORD": WRONG_PASSWORD, "ROLLCALL_SASL_MECHANISM": "PLAIN"},
        "ROLLCALL_SASL_PASSWORD: the broker",
    ),
    "a mechanism that is not offered": (
        "scram",
        {"ROLLCALL_SASL_MECHANISM": "SCRAM-SHA-256"},
        "ROLLCALL_SASL_MECHANISM=SCRAM-SHA-256: the broker",
    ),
    "an authority that is not the broker's": (
        "scram",
        {"ROLLCALL_SSL_CAFILE": "other_authority"},
        "ROLLCALL_SSL_CAFILE='",
    ),
    "a broker under another host's certificate": ("misnamed", {}, "ROLLCALL_BROKER: the certificate of the broker"),
    "no certificate where one is asked for": ("mutual", {}, r"ROLLCALL_SSL_CERTFILE \(not set\): the broker"),
    "a certificate of another authority": (
        "mutual",
        {"ROLLCALL_SSL_CERTFILE": "other_certificate", "ROLLCALL_SSL_KEYFILE": "other_key"},
        "ROLLCALL_SSL_CERTFILE='",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_names_the_setting_and_the_broker(
    name: str, secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, changes, said = REFUSED[name]
    files: dict[str, Any] = secured.files._asdict()
    environment = secured.scram_login() if listener == "scram" else secured.tls()
    environment |= {key: str(files.get(value, value)) for key, value in changes.items()}
    address = getattr(secured, listener)
    with pytest.raises(broker_diagnosis.RefusedError, match=said) as caught:
        await found(address, environment, monkeypatch)
    assert address in str(caught.value)
    assert secretless(str(caught.value))


async def test_a_login_where_none_is_expected_is_refused(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    login = secured.scram_login(ROLLCALL_SECURITY_PROTOCOL="SASL_PLAINTEXT")
    del login["ROLLCALL_SSL_CAFILE"]
    with pytest.raises(broker_diagnosis.RefusedError, match="is it PLAINTEXT"):
        await found(secured.kafka.bootstrap, login, monkeypatch)


async def test_one_broker_that_lets_the_client_in_is_enough_to_go_on(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await found(f"{secured.scram},{secured.misnamed}", secured.scram_login(), monkeypatch)
    assert said is not None
    assert secured.misnamed in said
