"""What ``deploy/`` uses of the kinds that Kubernetes itself does not have, written down from their documentation.

Not their whole schemas: the fields that are used here, with their types, and no other.
"""

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d|w|y))+$"}


def _map(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


def _list(entry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": entry}


def _kind(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = _map({"name": _TEXT}, {"namespace": _TEXT, "labels": _TEXTS})
    return _map({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


_SECRET_KEY = _map({"name": _TEXT, "key": _TEXT})
_ENDPOINT = _map(
    {"port": _TEXT},
    {"path": _TEXT, "interval": _DURATION, "authorization": _map({"credentials": _SECRET_KEY}, {"type": _TEXT})},
)
_RULE = _map({"alert": _TEXT, "expr": _TEXT}, {"for": _DURATION, "labels": _TEXTS, "annotations": _TEXTS})
_SCALING = _map(
    {"policies": _list(_map({"type": {"enum": ["Pods", "Percent"]}, "value": _COUNT, "periodSeconds": _COUNT}))},
    {"stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600}},
)
_KAFKA_TRIGGER = _map(
    {
        "type": {"const": "kafka"},
        # KEDA takes text alone here, numbers included.
        "metadata": _map(
            {"bootstrapServers": _TEXT, "consumerGroup": _TEXT, "topic": _TEXT, "lagThreshold": _TEXT},
            {"offsetResetPolicy": {"enum": ["earliest", "latest"]}},
        ),
    }
)

SCHEMAS: dict[str, dict[str, Any]] = {
    "ServiceMonitor": _kind(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        _map({"selector": _map({"matchLabels": _TEXTS}), "endpoints": _list(_ENDPOINT)}, {"jobLabel": _TEXT}),
    ),
    "PrometheusRule": _kind(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        _map({"groups": _list(_map({"name": _TEXT, "rules": _list(_RULE)}, {"interval": _DURATION}))}),
    ),
    "ScaledObject": _kind(
        "keda.sh/v1alpha1",
        "ScaledObject",
        _map(
            {
                "scaleTargetRef": _map({"apiVersion": _TEXT, "kind": _TEXT, "name": _TEXT}),
                "triggers": _list(_KAFKA_TRIGGER),
            },
            {
                "pollingInterval": _COUNT,
                "minReplicaCount": _COUNT,
                "maxReplicaCount": _COUNT,
                "advanced": _map(
                    {
                        "horizontalPodAutoscalerConfig": _map(
                            {"behavior": _map({}, {"scaleUp": _SCALING, "scaleDown": _SCALING})}
                        )
                    }
                ),
            },
        ),
    ),
}
