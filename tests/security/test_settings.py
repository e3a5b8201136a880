"""What of the settings does not fit together, or can't be used, is refused by name; and no secret is told."""

import copy
import logging
import os
import pickle
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest

from app.engine.kafka.clients import connection, new_producer, new_reader
from app.environment import SettingsError, load
from app.logs import logging_config
from app.security import Security, client_options, without_secrets
from app.settings import Settings
from tests.security.certificates import KEY_PASSWORD, Files
from tests.security.conftest import PASSWORD, USER

LOGIN = {
    "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "SASL_MECHANISM": "SCRAM-SHA-256",
    "SASL_USERNAME": USER,
    "SASL_PASSWORD": PASSWORD,
}


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("ROLLCALL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> Settings:
    for name, value in settings.items():
        monkeypatch.setenv(f"ROLLCALL_{name}", str(value))
    return load()


def test_nothing_is_given_to_clients_where_nothing_is_set() -> None:
    assert client_options(load()) == {}
    assert connection(load()) == {"bootstrap_servers": ["127.0.0.1:9092"], "client_id": "rollcall"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_is_given_to_every_client(mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection(loaded(monkeypatch, LOGIN | {"SASL_MECHANISM": mechanism}))
    assert options.items() >= {
        ("security_protocol", "SASL_PLAINTEXT"),
        ("sasl_mechanism", mechanism),
        ("sasl_plain_username", USER),
        ("sasl_plain_password", PASSWORD),
    }
    assert "ssl_context" not in options


def test_the_certificate_and_the_host_name_are_always_checked(monkeypatch: pytest.MonkeyPatch, files: Files) -> None:
    with_file = loaded(monkeypatch, {"SECURITY_PROTOCOL": "SSL", "SSL_CAFILE": files.authority})
    monkeypatch.delenv("ROLLCALL_SSL_CAFILE")
    for settings in (with_file, load()):
        context = client_options(settings)["ssl_context"]
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("systems", "ours"),
    [
        (ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2),
        (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3),
    ],
)
def test_tls_is_1_2_or_later_whatever_the_system_allows_and_later_where_it_asks_for_that(
    systems: ssl.TLSVersion, ours: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: Files
) -> None:
    def as_the_system_has_it(cafile: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile)
        context.minimum_version = systems
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_the_system_has_it)
    authority = tmp_path / "authority.pem"  # contexts are kept by the names of their files
    authority.write_bytes(files.authority.read_bytes())
    settings = loaded(monkeypatch, {"SECURITY_PROTOCOL": "SSL", "SSL_CAFILE": authority})
    assert client_options(settings)["ssl_context"].minimum_version is ours


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch, files: Files) -> None:
    settings = loaded(monkeypatch, {"SECURITY_PROTOCOL": "SSL", "SSL_CAFILE": files.authority})
    assert client_options(settings)["ssl_context"] is client_options(load())["ssl_context"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_passwords_may_be_in_files(ending: str, monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path) -> None:
    (tmp_path / "login").write_text(f" {PASSWORD} {ending}")
    (tmp_path / "key").write_text(f"{KEY_PASSWORD}{ending}")
    login = {name: value for name, value in LOGIN.items() if name != "SASL_PASSWORD"}
    tls = {"SSL_CERTFILE": files.certificate, "SSL_KEYFILE": files.locked_key, "SSL_PASSWORD_FILE": tmp_path / "key"}
    files_of = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_PASSWORD_FILE": tmp_path / "login"}
    assert client_options(loaded(monkeypatch, login | tls | files_of))["sasl_plain_password"] == f" {PASSWORD} "


# What is set, and the names of those that the refusal has to say. A name in angle brackets is a file of the test's.
SSL = {"SECURITY_PROTOCOL": "SSL"}
OWN = SSL | {"SSL_CERTFILE": "<certificate>", "SSL_KEYFILE": "<key>"}
WRONG: list[tuple[dict[str, str], list[str]]] = [
    ({"SECURITY_PROTOCOL": "TLS"}, ["SECURITY_PROTOCOL='TLS'"]),
    ({"SECURITY_PROTOCOL": ""}, ["SECURITY_PROTOCOL=''"]),
    (LOGIN | {"SASL_MECHANISM": "GSSAPI"}, ["SASL_MECHANISM='GSSAPI'"]),
    (LOGIN | {"SASL_USERNAME": ""}, ["SASL_USERNAME=''"]),
    (LOGIN | {"SASL_PASSWORD": ""}, ["SASL_PASSWORD"]),
    ({"SECURITY_PROTOCOL": "SASL_SSL"}, ["SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD"]),
    ({"SASL_MECHANISM": "PLAIN"}, ["SASL_MECHANISM", "SECURITY_PROTOCOL=PLAINTEXT"]),
    ({"SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD}, ["SASL_USERNAME", "SASL_PASSWORD", "SECURITY_PROTOCOL=PLAIN"]),
    (SSL | {"SASL_PASSWORD": PASSWORD}, ["SASL_PASSWORD", "SECURITY_PROTOCOL=SSL"]),
    (LOGIN | {"SASL_PASSWORD_FILE": "<locked_key>"}, ["SASL_PASSWORD", "SASL_PASSWORD_FILE"]),
    (LOGIN | {"SASL_PASSWORD_FILE": "nowhere"}, ["SASL_PASSWORD_FILE='nowhere'"]),
    (LOGIN | {"SSL_CAFILE": "<authority>"}, ["SSL_CAFILE", "SECURITY_PROTOCOL=SASL_PLAINTEXT"]),
    ({"SSL_CAFILE": "<authority>"}, ["SSL_CAFILE", "SECURITY_PROTOCOL=PLAINTEXT"]),
    (SSL | {"SSL_CAFILE": "nowhere"}, ["SSL_CAFILE='nowhere'"]),
    (SSL | {"SSL_CAFILE": ""}, ["SSL_CAFILE='.'"]),
    (SSL | {"SSL_CAFILE": "<garbage>"}, ["SSL_CAFILE=", "can't be used"]),
    (SSL | {"SSL_CERTFILE": "<certificate>"}, ["SSL_CERTFILE", "SSL_KEYFILE"]),
    (SSL | {"SSL_KEYFILE": "<key>"}, ["SSL_KEYFILE", "SSL_CERTFILE"]),
    (SSL | {"SSL_PASSWORD": KEY_PASSWORD}, ["SSL_PASSWORD", "SSL_KEYFILE"]),
    (OWN | {"SSL_KEYFILE": "<other_key>"}, ["SSL_KEYFILE=", "SSL_CERTFILE=", "can't be used"]),
    (OWN | {"SSL_KEYFILE": "<locked_key>"}, ["SSL_KEYFILE=", "password: none"]),
    (OWN | {"SSL_KEYFILE": "<locked_key>", "SSL_PASSWORD": PASSWORD}, ["SSL_KEYFILE=", "password: given"]),
    (OWN | {"SSL_PASSWORD": KEY_PASSWORD, "SSL_PASSWORD_FILE": "<empty>"}, ["SSL_PASSWORD", "SSL_PASSWORD_FILE"]),
    (OWN | {"SSL_PASSWORD_FILE": "<empty>"}, ["SSL_PASSWORD_FILE=", "empty"]),
    (OWN | {"SSL_PASSWORD_FILE": "<binary>"}, ["SSL_PASSWORD_FILE=", "can't be read"]),
]


@pytest.mark.parametrize(("settings", "names"), WRONG)
def test_what_does_not_fit_together_is_refused_by_name(
    settings: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path
) -> None:
    more = {"garbage": b"no certificate", "empty": b"", "binary": b"\xff\xfe"}
    for name, content in more.items():
        (tmp_path / name).write_bytes(content)
    paths = {f"<{name}>": tmp_path / name for name in more} | {f"<{n}>": path for n, path in files._asdict().items()}
    with pytest.raises(SettingsError) as caught:
        loaded(monkeypatch, {name: paths.get(value, value) for name, value in settings.items()})
    for name in names:
        assert name in str(caught.value)
    assert "ROLLCALL_" in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in told
    assert KEY_PASSWORD not in told


def test_all_problems_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(monkeypatch, {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SSL_CAFILE": "nowhere"})
    for name in ("SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD", "SSL_CAFILE='nowhere'", "of no effect"):
        assert name in str(caught.value)


async def test_nothing_shows_a_secret(monkeypatch: pytest.MonkeyPatch, files: Files) -> None:
    settings = loaded(
        monkeypatch,
        LOGIN
        | {
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SSL_CERTFILE": files.certificate,
            "SSL_KEYFILE": files.locked_key,
            "SSL_PASSWORD": KEY_PASSWORD,
        },
    )
    producer, reader = new_producer(settings), new_reader(settings)
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        repr(settings.model_dump()),
        repr(copy.copy(settings)),
    ]
    shown += [repr(shown_object) for shown_object in (producer, producer.client, reader, vars(settings))]
    await producer.stop()
    await reader.stop()
    assert PASSWORD not in "".join(shown)
    assert KEY_PASSWORD not in "".join(shown)
    assert PASSWORD.encode() in pickle.dumps(settings)  # it is there to be seen


def test_what_a_broker_says_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, LOGIN)
    assert without_secrets(settings, f"no {PASSWORD} here") == "no *** here"
    assert without_secrets(settings, "nothing to hide") == "nothing to hide"


def test_the_clients_never_log_whole_requests() -> None:
    """At DEBUG aiokafka writes down each request, the one with the password too."""
    level = logging_config(load())["loggers"]["aiokafka"]["level"]
    assert logging.getLevelName(level) > logging.DEBUG


def test_every_setting_of_it_is_tried_here() -> None:
    tried = {name for settings, _ in WRONG for name in settings}
    assert tried == {name.upper() for name in Security.model_fields}
