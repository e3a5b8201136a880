"""OTLP over gRPC, an extra of its own: here where it is installed (``pip install 'rollcall[otel-grpc]'``)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from app.settings import Settings
from app.tracing import provider
from tests.support.patience import PATIENCE

grpc: Any = pytest.importorskip("grpc", reason="needs pip install 'rollcall[otel-grpc]'")
pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", reason="needs pip install 'rollcall[otel-grpc]'")

SETTINGS = Settings(_env_file=None, traces=True, app_id="school")  # type: ignore[call-arg]


class Collector:
    """Takes spans over gRPC, on a port of loopback."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.services: set[str] = set()
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        name = "opentelemetry.proto.collector.trace.v1.TraceService"
        self._server = grpc.server(ThreadPoolExecutor(1))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": handler}),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _export(self, request: ExportTraceServiceRequest, _context: object) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            self.services |= {entry.value.string_value for entry in resource.resource.attributes}
            self.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        return ExportTraceServiceResponse()

    def close(self) -> None:
        """End it."""
        self._server.stop(0).wait(PATIENCE)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_collector_of_grpc_gets_the_spans(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, variable: str
) -> None:
    monkeypatch.setenv(variable, "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
    made = provider.make(SETTINGS)
    assert made is not None
    try:
        made.get_tracer("test").start_span("commit school-log").end()
        assert made.force_flush(int(PATIENCE * 1000))
        assert collector.names == ["commit school-log"]
        assert {"rollcall", "school"} <= collector.services
    finally:
        made.shutdown()
