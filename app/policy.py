"""What the rules need of the settings. The core takes it as an argument; the settings know no rule."""

from app.core.events import Policy
from app.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """The policy that these settings ask for: durations in milliseconds, 0 where one is off."""
    return Policy(
        readiness_timeout=round(settings.readiness_timeout_seconds * 1000),
        pending_ttl=round(settings.pending_ttl_seconds * 1000),
        provisioning_completed=settings.provisioning_completed,
    )
