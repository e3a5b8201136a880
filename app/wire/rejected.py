"""Why an input can't be used."""

NULL_VALUE = "null_value"
OVERSIZED = "oversized"
MALFORMED = "malformed"
UNKNOWN_EVENT = "unknown_event"
MISSING_FIELD = "missing_field"
INVALID_FIELD = "invalid_field"

#: The detail of a dead letter goes into headers and logs.
_LONGEST_DETAIL = 500


class RejectedError(Exception):
    """An input that can't be used:

    ``reason`` is one of the constants above, ``detail`` says what exactly, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        shown = detail if len(detail) <= _LONGEST_DETAIL else f"{detail[:_LONGEST_DETAIL]}..."
        super().__init__(f"{reason}: {shown}")
        self.reason = reason
        self.detail = shown
