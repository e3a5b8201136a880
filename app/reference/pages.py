"""All generated pages, by the name of their file in ``docs/reference``."""

from app.reference import commands, metrics, routes, settings, topics


def pages() -> dict[str, str]:
    """Write every page."""
    return {
        "commands.md": commands.page(),
        "http-api.md": routes.page(),
        "metrics.md": metrics.page(),
        "settings.md": settings.page(),
        "topics.md": topics.page(),
    }
