"""Whether there are traces, and to whom they go: one setting, and OpenTelemetry's own variables."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider

from agents.processor import JoinProcessor
from agents.rekey import Rekey
from app import tracing
from app.engine.metrics import counted
from app.engine.state.memory_store import MemoryStore
from app.errors import OperatorError
from app.settings import Settings
from app.topology import topology
from app.tracing import provider
from tests.support.worker import ROOT

SETTINGS = Settings(_env_file=None, traces=True, app_id="school")  # type: ignore[call-arg]


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TracerProvider]]:
    """None of OpenTelemetry's variables; and what a test makes ends with it, not with the process."""
    for name in ("TRACES_EXPORTER", "SDK_DISABLED", "SERVICE_NAME", "RESOURCE_ATTRIBUTES", "EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)
    made: list[TracerProvider] = []
    monkeypatch.setattr(provider, "atexit", SimpleNamespace(register=lambda _end, closing: made.append(closing)))
    yield made
    for closing in made:
        closing.shutdown()


def test_they_are_off_by_default() -> None:
    assert not Settings(_env_file=None).traces  # type: ignore[call-arg]


def test_off_the_application_is_made_without_them_and_nothing_of_opentelemetry_is_imported() -> None:
    """No record, no chunk and no start pays for what is off: the parts are the plain ones."""
    code = """
import sys
import app.main, app.http_settings, app.topology
from app.settings import Settings
made = app.main.create_app(Settings(_env_file=None))
parts = made.engine.topology
print(type(parts.router).__module__, parts.observer.__name__)
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf", "app.tracing"))])
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout == "agents.rekey app.engine.metrics.counted\n[]\n", ran.stderr


@pytest.mark.parametrize(("name", "value"), [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_SDK_DISABLED", "TRUE")])
def test_the_variables_turn_them_off_too(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    plain = topology(SETTINGS)
    assert tracing.traced(plain, SETTINGS) is plain
    assert type(plain.router) is Rekey
    assert type(plain.processor(0, MemoryStore(), 1, lambda: None)) is JoinProcessor  # type: ignore[arg-type,return-value]
    assert plain.observer is counted


def test_on_they_say_who_they_are(variables: list[TracerProvider]) -> None:
    assert tracing.traced(topology(SETTINGS), SETTINGS).observer is not counted
    told = variables[0].resource.attributes
    assert told["service.name"] == "rollcall"
    assert told["service.namespace"] == "school"
    assert told["service.instance.id"] == SETTINGS.canonical_url


def test_who_they_are_may_be_said_by_the_variables(
    monkeypatch: pytest.MonkeyPatch, variables: list[TracerProvider]
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "essays")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=theirs,zone=b")
    provider.make(SETTINGS)
    told = variables[0].resource.attributes
    assert (told["service.name"], told["service.namespace"], told["zone"]) == ("essays", "theirs", "b")


@pytest.mark.parametrize(
    ("variables_", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: the exporter 'zipkin' is not installed"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "'rollcall[otel-grpc]' otlp over grpc as well",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL='http/json' is none of"),
    ],
)
def test_what_cant_be_done_is_told_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, variables_: dict[str, str], told: str
) -> None:
    for name, value in variables_.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(provider, "entry_points", lambda **_: ())  # as where nothing but the package is installed
    with pytest.raises(OperatorError) as error:
        provider.make(SETTINGS)
    assert told in str(error.value)


def test_what_an_exporter_refuses_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_self: object) -> None:
        message = "no such certificate"
        raise FileNotFoundError(message)

    monkeypatch.setattr(OTLPSpanExporter, "__init__", refuses)
    with pytest.raises(OperatorError, match=r"the exporter 'otlp over http/protobuf' refuses .*: no such certificate"):
        provider.make(SETTINGS)


def test_without_the_extra_a_worker_says_what_to_install(tmp_path: Path) -> None:
    """As it is where nobody has installed it: nothing of the name can be imported."""
    code = """
import sys
sys.modules["opentelemetry"] = None
sys.argv = ["rollcall", "worker"]
import rollcall
rollcall.main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"ROLLCALL_TRACES": "true", "ROLLCALL_DATADIR": str(tmp_path), "ROLLCALL_LOG_FORMAT": "console"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "pip install 'rollcall[otel]', or turn it off" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_end_waits_for_nobody_longer_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Silent:
        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            pass

        def join(self, seconds: float) -> None:
            waited.append(seconds)

    monkeypatch.setattr(provider, "threading", SimpleNamespace(Thread=Silent))
    provider._end(TracerProvider(shutdown_on_exit=False))
    assert waited == [1.0]
