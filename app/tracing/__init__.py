"""Traces, with OpenTelemetry: an option (the extra ``rollcall[otel]``), off unless ``ROLLCALL_TRACES`` is on.

Off, nothing here is imported, and the application is made without it: no record and no chunk pays for it. On, the same
parts are made with the spans around them (:mod:`app.tracing.stages`). A span is made when what it tells of is durable,
with the times at which that began and ended: a chunk that comes to nothing leaves none.

===============  ====================================================================================================
module           holds
===============  ====================================================================================================
``provider``     what makes and exports spans, as the variables ``OTEL_*`` say
``spans``        the spans: their names, parents, links and attributes
``stages``       the router, the processor and the observer, with spans
===============  ====================================================================================================
"""

from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from agents.processor import JoinProcessor
    from app.engine.ports import Topology


def traced(topology: "Topology[JoinProcessor]", settings: Settings) -> "Topology[JoinProcessor]":
    """The application with spans. Raises OperatorError where OpenTelemetry is not installed, or a variable is wrong.

    As it is, if the variables turn traces off.
    """
    from app.tracing import provider  # noqa: PLC0415 - only where it is wanted

    made = provider.make(settings)
    if made is None:
        return topology
    from app.tracing import stages  # noqa: PLC0415 - needs OpenTelemetry

    return stages.traced(topology, settings, made)
