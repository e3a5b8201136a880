"""What makes and exports spans, as OpenTelemetry's variables say.

===============================  ======================================================================================
variable                         here
===============================  ======================================================================================
``OTEL_SDK_DISABLED``            ``true``: no traces
``OTEL_TRACES_EXPORTER``         ``otlp`` (the default), ``console``, whatever else is installed; ``none``: no traces
``OTEL_EXPORTER_OTLP_PROTOCOL``  ``http/protobuf`` (the default, in the extra `otel`); ``grpc`` (in `otel-grpc`)
``OTEL_SERVICE_NAME``            default ``rollcall``
all others                       are the SDK's: endpoint, headers, sampler, limits, attributes of the resource
===============================  ======================================================================================

Exports are made by a thread of the SDK's. What it can't get rid of is dropped, with a line: the worker waits for
nobody, but for :data:`_FLUSH_SECONDS` at its end.
"""

import atexit
import os
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from app.errors import OperatorError
from app.settings import Settings
from app.version import release

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

#: For the last spans, at the end of the process: the worker has stopped by then, and promises 10 s for all.
_FLUSH_SECONDS = 1.0

_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def make(settings: Settings) -> "TracerProvider | None":
    """A provider that exports, until the process ends; None where the variables say that there is nothing to do.

    Raises OperatorError, which names the variable or what is to be installed.
    """
    names = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")]
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or names == ["none"]:
        return None
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an option
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        message = f"ROLLCALL_TRACES needs OpenTelemetry ({error}): pip install 'rollcall[otel]', or turn it off"
        raise OperatorError(message) from None
    exporters = [_exporter(name) for name in names]
    provider = TracerProvider(resource=Resource.create(_resource(settings)), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    atexit.register(_end, provider)
    return provider


def _resource(settings: Settings) -> dict[str, Any]:
    """Who sends the spans. What the variables say comes first."""
    given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {
        "service.name": "rollcall",
        "service.namespace": settings.app_id,
        "service.version": release(),
        "service.instance.id": settings.canonical_url,
    }
    if os.environ.get("OTEL_SERVICE_NAME"):
        del own["service.name"]
    return {name: value for name, value in own.items() if f"{name}=" not in given.replace(" ", "")}


def _exporter(name: str) -> Any:
    entry = name
    if name == "otlp":
        variable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
        if variable not in os.environ:
            variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
        protocol = os.environ.get(variable, "http/protobuf").strip()
        if protocol not in _PROTOCOLS:
            message = f"{variable}={protocol!r} is none of {', '.join(_PROTOCOLS)}"
            raise OperatorError(message)
        name, entry = f"otlp over {protocol}", _PROTOCOLS[protocol]
    found = list(entry_points(group="opentelemetry_traces_exporter", name=entry))
    if not found:
        message = (
            f"OTEL_TRACES_EXPORTER: the exporter {name!r} is not installed; pip install 'rollcall[otel]' brings otlp "
            "over http/protobuf, and console; 'rollcall[otel-grpc]' otlp over grpc as well. none turns traces off"
        )
        raise OperatorError(message)
    try:
        return found[0].load()()
    except Exception as error:
        message = f"the exporter {name!r} refuses what the variables OTEL_EXPORTER_* say: {error}"
        raise OperatorError(message) from error


def _end(provider: "TracerProvider") -> None:
    """Send what is left, in bounded time: an exporter that has nobody to send to may take long to see it."""
    ending = threading.Thread(target=provider.shutdown, daemon=True, name="last spans")
    ending.start()
    ending.join(_FLUSH_SECONDS)
