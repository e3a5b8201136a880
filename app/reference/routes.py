"""The page of the HTTP API."""

from app.api.routes import ROUTES
from app.reference.markdown import GENERATED, code, table

_HEAD = f"""\
{GENERATED}
# HTTP API

Any worker answers for all partitions, and shows only what is committed. The whole description, with every field, is
in [openapi.json](../openapi.json) (OpenAPI 3.1). While the owner of a partition is away, lists name it under
`missing`, and its batches answer 503, never "not found". Who may ask is in [How to secure it](../how-to/secure.md).
"""

_OTHERS = """\
Beside the API:

| path | what |
| --- | --- |
| `/` | the board |
| `/metrics` | the [metrics](metrics.md) |
| `/health/live` | 200 while the worker can go on; 503 with the `reason` once it stops or its consumer stands still |
| `/health/ready` | 200 when the worker owns its partitions (or has none to own) and has restored them, else 503 |
"""


def page() -> str:
    """The page: every route that is for everybody."""
    rows = [
        [
            code(f"{route.method} {route.path}"),
            ", ".join(code(param.name) for param in route.params),
            route.summary,
        ]
        for route in ROUTES
    ]
    return f"{_HEAD}\n{table(['route', 'query parameters', 'what'], rows)}\n{_OTHERS}"
