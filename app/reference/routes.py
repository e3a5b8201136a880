"""The page of the HTTP API."""

from app.api.http.routes import ROUTES
from app.api.http.stream import MOST_LISTENERS
from app.engine.faust.connection import Limits
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


_AFTER_LIMITS = """\
How many requests are answered at once, by kind, is in `app/api/http/budget.py`. Any route but `/health/*` may answer
503 `busy` with `Retry-After`.
`/api/batch...?id=` are the same routes for ids that can't be part of a path, such as `..`.
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
    routes = table(["route", "query parameters", "what"], rows)
    return "\n".join([_HEAD, routes, _OTHERS, f"## Limits\n\n{_limits()}", _AFTER_LIMITS])


def _limits() -> str:
    limits = Limits()
    return table(
        ["what", "bound", "beyond it"],
        [
            ["connections", f"{limits.connections}; the longest idle one makes room", "503 `busy`"],
            ["an idle connection", f"{limits.idle_seconds:g} s", "closed"],
            ["the head of a request", f"complete within {limits.head_seconds:g} s", "408 `request_timeout`"],
            ["the body of a request", f"complete within {limits.body_seconds:g} s; 1 MiB", "408; 413"],
            ["an answer that the client does not take", f"{limits.stalled_seconds:g} s", "closed"],
            ["listeners of `/api/events`", str(MOST_LISTENERS), "503 `too_many_listeners`"],
        ],
    )
