"""The settings: the contract's defaults, and every wrong value stops the worker by name."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.events import Policy
from app.environment import SettingsError, load
from app.errors import OperatorError
from app.policy import policy_of
from app.security import Security
from app.settings import Settings


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No setting from outside: an empty environment, and a directory without a `.env`."""
    for name in list(os.environ):
        if name.upper().startswith("ROLLCALL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


DEFAULTS: dict[str, Any] = {
    "broker": "127.0.0.1:9092",
    "app_id": "rollcall",
    "datadir": Path("./rollcall-data"),
    "processing_guarantee": "exactly_once",
    "partitions": 3,
    "replication_factor": 1,
    "readiness_timeout_seconds": 86_400,
    "pending_ttl_seconds": 86_400,
    "provisioning_completed": True,
    "http_host": "127.0.0.1",
    "http_port": 6066,
    "http_url": None,
    "http_token": None,
    "http_read_token": None,
    "stuck_after_seconds": 300,
    "log_format": None,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_the_contracts(name: str) -> None:
    assert getattr(load(), name) == DEFAULTS[name]


def test_the_outputs_name_the_service_of_the_contract() -> None:
    assert load().source_service == "essay-lifecycle-service"


def test_the_policy_is_in_milliseconds() -> None:
    assert policy_of(load()) == Policy() == Policy(readiness_timeout=86_400_000, pending_ttl=86_400_000)


GOOD = [
    ("BROKER", "a:1, b:65535", "broker", "a:1,b:65535"),
    ("BROKER", "[::1]:9092", "broker", "[::1]:9092"),
    ("APP_ID", "roll.call_2-x", "app_id", "roll.call_2-x"),
    ("DATADIR", "/somewhere/else", "datadir", Path("/somewhere/else")),
    ("PROCESSING_GUARANTEE", "exactly_once", "exactly_once", True),
    ("PROCESSING_GUARANTEE", "at_least_once", "exactly_once", False),
    ("PARTITIONS", "12", "partitions", 12),
    ("REPLICATION_FACTOR", "3", "replication_factor", 3),
    ("READINESS_TIMEOUT_SECONDS", "1.5", "policy", Policy(readiness_timeout=1500)),
    ("READINESS_TIMEOUT_SECONDS", "0", "policy", Policy(readiness_timeout=0)),
    ("PENDING_TTL_SECONDS", "0.25", "policy", Policy(pending_ttl=250)),
    ("PENDING_TTL_SECONDS", "0", "policy", Policy(pending_ttl=0)),
    ("PROVISIONING_COMPLETED", "false", "policy", Policy(provisioning_completed=False)),
    ("PROVISIONING_COMPLETED", "true", "policy", Policy(provisioning_completed=True)),
    ("TRACES", "true", "traces", True),
    ("PURE", "1", "pure", True),
    ("HTTP_HOST", "localhost", "http_host", "localhost"),
    ("HTTP_HOST", "::1", "http_host", "::1"),
    ("HTTP_HOST", "127.1.2.3", "http_host", "127.1.2.3"),
    ("HTTP_PORT", "0", "http_port", 0),
    ("HTTP_URL", "https://worker-1.example:8443/", "canonical_url", "https://worker-1.example:8443"),
    ("HTTP_HOST", "::1", "canonical_url", "http://[::1]:6066"),
    ("HTTP_PORT", "7000", "canonical_url", "http://127.0.0.1:7000"),
    ("HTTP_TOKEN", "x" * 16, "http_token", SecretStr("x" * 16)),
    ("STUCK_AFTER_SECONDS", "1.5", "stuck_after_seconds", 1.5),
    ("CHUNKS_PER_SECOND", "0", "chunks_per_second", 0),
    ("LOG_FORMAT", "json", "json_logs", True),
    ("LOG_FORMAT", "console", "json_logs", False),
    ("SKIP_POISON", "a.v1:0:7, b:2:12345678901", "poison", frozenset({("a.v1", 0, 7), ("b", 2, 12_345_678_901)})),
    ("SKIP_POISON", "", "poison", frozenset()),
]


@pytest.mark.parametrize(("name", "text", "attribute", "value"), GOOD)
def test_a_setting_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, attribute: str, value: object
) -> None:
    monkeypatch.setenv(f"ROLLCALL_{name}", text)
    loaded = load()
    assert (policy_of(loaded) if attribute == "policy" else getattr(loaded, attribute)) == value


WRONG = {
    "BROKER": ["", "localhost", "a:", ":9092", "a:0", "a:65536", "a:x", "a:1,", "a:1,,b:2", "a:-1", "a:²"],
    "APP_ID": ["", "a b", "å", "a/b", "x" * 201],
    "PROCESSING_GUARANTEE": ["", "exactly-once", "EXACTLY_ONCE", "1"],
    "PARTITIONS": ["", "0", "-1", "10001", "three", "2.5"],
    "REPLICATION_FACTOR": ["0", "-1", "101", "x"],
    "READINESS_TIMEOUT_SECONDS": ["-1", "x", "", "nan", "inf", "1e308"],
    "PENDING_TTL_SECONDS": ["-0.1", "x", "nan", "inf", "1e308"],
    "BATCH_RETENTION_SECONDS": ["-1", "x", "nan", "inf", "0.0001"],
    "RECEIPT_RETENTION_SECONDS": ["-1", "x", "nan", "inf", "1e308"],
    "LOG_RETENTION_SECONDS": ["-1", "x", "nan", "inf", "1e308"],
    "PROVISIONING_COMPLETED": ["", "maybe", "2"],
    "TRACES": ["", "maybe", "otlp"],
    "PURE": ["", "maybe", "2"],
    "HTTP_HOST": ["", "0.0.0.0", "::", "192.168.1.7", "8.8.8.8", "example.org", "127.0.0.1:80", "localhost.example"],  # noqa: S104 - refused without a token
    "HTTP_PORT": ["-1", "65536", "x", ""],
    "HTTP_URL": [
        "",
        "worker-1",
        "worker-1:6066",
        "ftp://a:1",
        "http://a:1/path",
        "http://u:p@a:1",
        "http://a b",
        "http://a?q",
    ],
    "STUCK_AFTER_SECONDS": ["0", "0.5", "x", "nan", "inf"],
    "LOG_FORMAT": ["", "xml", "JSON"],
    "SOURCE_SERVICE": [""],
    "MAX_MESSAGE_BYTES": ["1023", "4194305", "x"],
    "SESSION_TIMEOUT_SECONDS": ["0.5", "301", "nan"],
    "INSTANCE_ID": ["a b", "ä", "x" * 250],
    "STANDBYS": ["-1", "11", "1.5", "x"],
    "CACHE_UPLOADS": ["0", "x"],
    "MAX_POLL_RECORDS": ["0", "100001"],
    "CHUNKS_PER_SECOND": ["-1", "100001", "x", "nan", "inf"],
    "TICK_SECONDS": ["0", "61", "nan"],
    "SKIP_POISON": ["7", "0:7", "t:0:", "t::7", "t:a:b", "t:0:-1", "t:0:1;t:0:2", ":0:7", "t:²:1"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_stops_the_worker_and_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"ROLLCALL_{name}", text)
    with pytest.raises(SettingsError) as caught:
        policy_of(load())  # a value that only fails when it is used is as wrong
    assert f"ROLLCALL_{name}={text!r}" in str(caught.value)
    assert isinstance(caught.value, OperatorError)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"LOG_RETENTION_SECONDS": "2678399"},
            (
                "ROLLCALL_LOG_RETENTION_SECONDS=2678399 is less than ROLLCALL_BATCH_RETENTION_SECONDS=2592000 plus "
                "ROLLCALL_READINESS_TIMEOUT_SECONDS=86400: set it to 2678400 or more, or 0, for ever"
            ),
        ),
        (
            {"BATCH_RETENTION_SECONDS": "7689600", "PENDING_TTL_SECONDS": "86401"},
            (
                "ROLLCALL_LOG_RETENTION_SECONDS=7776000 is less than ROLLCALL_BATCH_RETENTION_SECONDS=7689600 plus "
                "ROLLCALL_PENDING_TTL_SECONDS=86401: set it to 7776001 or more, or 0, for ever"
            ),
        ),
    ],
)
def test_a_log_that_is_not_kept_for_long_enough_stops_the_worker_and_says_which_settings(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], line: str
) -> None:
    for name, text in given.items():
        monkeypatch.setenv(f"ROLLCALL_{name}", text)
    with pytest.raises(SettingsError) as caught:
        load()
    assert line in str(caught.value)
    monkeypatch.setenv("ROLLCALL_LOG_RETENTION_SECONDS", "0")
    assert load().log_retention_seconds == 0


def test_every_setting_has_wrong_values_here() -> None:
    own = set(Settings.model_fields) - set(Security.model_fields)  # those are tried in tests/security
    secret = {"HTTP_TOKEN", "HTTP_READ_TOKEN"}  # their wrong values are below: they are not told
    assert set(WRONG) | {"DATADIR"} | secret == {name.upper() for name in own}


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_PARTITIONS", "x")
    monkeypatch.setenv("ROLLCALL_TICK_SECONDS", "0")
    with pytest.raises(SettingsError, match=r"(?s)ROLLCALL_PARTITIONS.*ROLLCALL_TICK_SECONDS"):
        load()


def test_a_refused_host_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_HOST", "0.0.0.0")  # noqa: S104 - refused
    with pytest.raises(SettingsError, match="loopback"):
        load()


WIDE = ["0.0.0.0", "::", "192.168.1.7", "8.8.8.8", "fe80::1"]  # noqa: S104 - refused without a token
LONG, OTHER = "t0ken-" + "a" * 20, "t0ken-" + "b" * 20


@pytest.mark.parametrize("host", WIDE)
def test_a_host_that_others_reach_is_refused_without_a_token(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_HOST", host)
    with pytest.raises(SettingsError, match="ROLLCALL_HTTP_TOKEN"):
        load()
    monkeypatch.setenv("ROLLCALL_HTTP_READ_TOKEN", LONG)
    with pytest.raises(SettingsError, match="ROLLCALL_HTTP_TOKEN"):
        load()
    monkeypatch.setenv("ROLLCALL_HTTP_TOKEN", OTHER)
    assert load().http_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - what it is known by then is tested
def test_a_worker_that_listens_everywhere_is_known_by_its_host_name(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_HOST", host)
    monkeypatch.setenv("ROLLCALL_HTTP_TOKEN", LONG)
    assert load().canonical_url == f"http://{socket.gethostname()}:6066"


def test_a_worker_without_http_says_so_by_port_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_PORT", "0")
    monkeypatch.setenv("ROLLCALL_HTTP_URL", "http://worker-1:80")
    assert load().canonical_url == "http://127.0.0.1:0"


@pytest.mark.parametrize("name", ["HTTP_TOKEN", "HTTP_READ_TOKEN"])
@pytest.mark.parametrize(
    "wrong", ["", "short", "secret-with a space", "hemlig-å-hemlig-hemlig", "x" * 513, "secret\tsecret\tsecret"]
)
def test_a_wrong_token_stops_the_worker_and_is_not_told(monkeypatch: pytest.MonkeyPatch, name: str, wrong: str) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_TOKEN", LONG)
    monkeypatch.setenv(f"ROLLCALL_{name}", wrong)
    with pytest.raises(SettingsError, match=f"ROLLCALL_{name}: ") as caught:
        load()
    assert not wrong or wrong not in str(caught.value)


def test_a_read_token_alone_and_one_that_is_the_full_one_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_HTTP_READ_TOKEN", LONG)
    for full in (None, LONG):
        if full:
            monkeypatch.setenv("ROLLCALL_HTTP_TOKEN", full)
        with pytest.raises(SettingsError, match="ROLLCALL_HTTP_READ_TOKEN") as caught:
            load()
        assert LONG not in str(caught.value)


def test_a_dotenv_file_is_read_and_the_environment_comes_first(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / ".env").write_text("ROLLCALL_PARTITIONS=7\nROLLCALL_APP_ID=from-file\nANOTHER=1\n")
    assert (load().partitions, load().app_id) == (7, "from-file")
    monkeypatch.setenv("ROLLCALL_PARTITIONS", "9")
    assert (load().partitions, load().app_id) == (9, "from-file")


def test_a_wrong_value_in_a_dotenv_file_is_named(clean: Path) -> None:
    (clean / ".env").write_text("ROLLCALL_HTTP_PORT=many\n")
    with pytest.raises(SettingsError, match="ROLLCALL_HTTP_PORT='many'"):
        load()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().partitions = 4
