"""The OpenAPI 3.1 description, generated from the table of routes and the models.

``python -m app.api.http.openapi > docs/openapi.json`` writes the copy that is checked in.
"""

import json
import re
import sys
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.http.routes import ROUTES, Route
from app.api.present import batch_models, model

_ERRORS = {
    400: "Something about the question is wrong.",
    401: "A token is needed.",
    403: "The token does not permit it, or the request came from a page elsewhere.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "The present state refuses it.",
    413: "The body is too large.",
    415: "Not JSON.",
    503: "The owner of the partition, or the broker, can't be asked now; the message names it. Or too many ask: wait "
    "for the seconds of `Retry-After`.",
}

_IN_PATH: dict[str, dict[str, Any]] = {
    "batch_id": {"type": "string", "minLength": 1},
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "minimum": 0},
}


def document() -> dict[str, Any]:
    """The description, as JSON values."""
    named = (kind for route in ROUTES for kind in (route.answer, route.body))
    kinds = dict.fromkeys([model.Error, batch_models.BatchChanges, *named])
    # Answers are described as they are written, questions as they are read.
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (kind, "validation" if issubclass(kind, model.Asked) else "serialization")
        for kind in kinds
        if kind is not None and issubclass(kind, BaseModel)
    ]
    _, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rollcall",
            "version": "1",
            "description": "State, explanations and acts. Any worker answers for all partitions of the log. "
            "Batch ids in paths are percent-encoded, slashes too. Every answer says by `Rollcall-Access` what the "
            "caller may do: `full` or `read`.",
        },
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "ROLLCALL_HTTP_TOKEN, or ROLLCALL_HTTP_READ_TOKEN for what only reads. Where none "
                    "is set, requests of the worker's own machine need none.",
                }
            },
        },
    }


@cache
def text() -> str:
    """The description, as JSON text, the same for the same code. It takes a third of a second to make, once."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _IN_PATH[name]} for name in names
    ]
    parameters += [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "schema": parameter.schema,
            "description": parameter.description,
        }
        for parameter in route.params
    ]
    # The same question has two paths where an id may be a path's part, or a parameter.
    name = (
        f"{route.handle.__name__}_by_parameter"
        if any(parameter.required for parameter in route.params)
        else route.handle.__name__
    )
    operation: dict[str, Any] = {"operationId": name, "summary": route.summary}
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.body)}}}
    operation["responses"] = {str(route.status): _answer(route)} | {
        str(status): {
            "description": _ERRORS[status],
            "content": {"application/json": {"schema": _ref(model.Error)}},
        }
        for status in sorted({401, 403, 503, *route.errors} | ({408, 413} if route.body else set()))
    }
    return operation


def _answer(route: Route) -> dict[str, Any]:
    headers = {
        "Rollcall-Access": {
            "description": "What the caller may do.",
            "schema": {"type": "string", "enum": ["full", "read"]},
        }
    }
    if route.answer is None:
        content: dict[str, Any] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif route.answer is dict:
        content = {"application/json": {"schema": {"type": "object"}}}
    else:
        content = {"application/json": {"schema": _ref(route.answer)}}
    return {"description": "Done." if route.status == 202 else "The answer.", "headers": headers, "content": content}  # noqa: PLR2004 - accepted


def _ref(kind: type[Any]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


if __name__ == "__main__":
    sys.stdout.write(text())
