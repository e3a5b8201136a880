"""One broker with a listener of each kind beside its plain one, and what lets clients in."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from demo.kafka import EmbeddedKafka, free_port
from tests.security import certificates
from tests.security.certificates import Files
from tests.security.scram import add_user
from tests.support.brokers import Broker
from tests.support.kafka_io import KafkaIO
from tests.support.worker import Worker

USER = "rollcall-worker"
#: Each of the passwords is looked for in everything that is logged. The second is what nobody has.
PASSWORD = "correct-horse-battery"  # noqa: S105 - made for this test
WRONG_PASSWORD = "incorrect-donkey-cell"  # noqa: S105 - made for this test


class Secured(NamedTuple):
    """A running broker. The addresses are those of its listeners, by what they ask for."""

    kafka: EmbeddedKafka
    files: Files
    scram: str  # TLS, and a login by SCRAM-SHA-512 or PLAIN
    mutual: str  # TLS, and a client's certificate
    login: str  # a login by PLAIN, without TLS
    misnamed: str  # TLS with the certificate of another host

    def tls(self, **more: str) -> dict[str, str]:
        """Settings of a client that trusts this broker."""
        return {"ROLLCALL_SECURITY_PROTOCOL": "SSL", "ROLLCALL_SSL_CAFILE": str(self.files.authority)} | more

    def scram_login(self, **more: str) -> dict[str, str]:
        """Settings of a client that logs in by SCRAM, over TLS."""
        return (
            self.tls(
                ROLLCALL_SECURITY_PROTOCOL="SASL_SSL",
                ROLLCALL_SASL_MECHANISM="SCRAM-SHA-512",
                ROLLCALL_SASL_USERNAME=USER,
                ROLLCALL_SASL_PASSWORD=PASSWORD,
            )
            | more
        )

    def own_certificate(self, **more: str) -> dict[str, str]:
        """Settings of a client that shows a certificate, whose key is under a password."""
        return (
            self.tls(
                ROLLCALL_SSL_CERTFILE=str(self.files.certificate),
                ROLLCALL_SSL_KEYFILE=str(self.files.locked_key),
                ROLLCALL_SSL_PASSWORD=certificates.KEY_PASSWORD,
            )
            | more
        )


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Certificates."""
    return certificates.make(tmp_path_factory.mktemp("security") / "files")


@pytest.fixture(scope="package")
def secured(files: Files) -> Iterator[Secured]:
    """The broker."""
    ports = {name: free_port() for name in ("SCRAM", "MUTUAL", "LOGIN", "MISNAMED")}
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required "
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    config = {
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": "SCRAM:SASL_SSL,MUTUAL:SSL,LOGIN:SASL_PLAINTEXT,MISNAMED:SSL",
        **_tls("scram", files.broker, files),
        **_tls("mutual", files.broker, files) | {"listener.name.mutual.ssl.client.auth": "required"},
        **_tls("misnamed", files.misnamed, files),
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.scram.plain.sasl.jaas.config": f'{plain}user_{USER}="{PASSWORD}";',
        "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.login.plain.sasl.jaas.config": f'{plain}user_{USER}="{PASSWORD}";',
    }
    with Broker(config) as kafka:
        add_user(kafka.bootstrap, USER, PASSWORD)
        yield Secured(kafka, files, *(f"127.0.0.1:{port}" for port in ports.values()))


@pytest.fixture(scope="package")
def io(secured: Secured) -> Iterator[KafkaIO]:
    """A client on the plain listener."""
    with KafkaIO(secured.kafka.bootstrap) as made:
        yield made


@pytest.fixture
def workers(tmp_path: Path) -> Iterator["Workers"]:
    """Makes workers, and ends them."""
    made = Workers(tmp_path)
    yield made
    made.close()


class Workers:
    """Workers of a test."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._made: list[Worker] = []

    def launch(self, bootstrap: str, app_id: str, settings: Mapping[str, str], *options: str) -> Worker:
        """A worker process that has just begun."""
        worker = Worker(bootstrap, self._home / f"worker-{len(self._made)}", app_id=app_id, settings=settings)
        self._made.append(worker)
        worker.launch(*options)
        return worker

    def close(self) -> None:
        """End them all."""
        for worker in self._made:
            worker.close()


def _tls(listener: str, store: Path, files: Files) -> dict[str, str]:
    name = f"listener.name.{listener}.ssl"
    return {
        f"{name}.keystore.type": "PEM",
        f"{name}.keystore.location": str(store),
        f"{name}.truststore.type": "PEM",
        f"{name}.truststore.location": str(files.authority),
    }
