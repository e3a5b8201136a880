"""The OpenAPI document: valid, checked in as generated, and true of what is served."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from openapi_spec_validator import validate

from app.api.http import routes
from app.api.http.openapi import document, text
from app.main import create_app
from app.settings import Settings

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

COPY = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_document_is_valid() -> None:
    validate(document())


def test_the_copy_that_is_checked_in_is_the_generated_one() -> None:
    assert COPY.read_text() == text(), "write it anew: python -m app.api.http.openapi > docs/openapi.json"


def test_it_describes_every_route_that_is_served_and_no_other() -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    served = {
        (route.method, route.resource.canonical)
        for route in cast("AiohttpWeb", create_app(settings).web).web_app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical.startswith("/api/")
    }
    local = {("GET", path) for path, _ in routes.LOCAL}
    described = {(method.upper(), path) for path, methods in json.loads(text())["paths"].items() for method in methods}
    assert served == described | local
    assert len(described) == len(routes.ROUTES)


def test_every_reference_leads_somewhere() -> None:
    said = text()
    names = set(json.loads(said)["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/(\w+)", said)) <= names
    assert {"Overview", "Batch", "BatchPage", "Explanation", "Timeline", "DeadLetterPage", "BatchChanges"} <= names
