"""The error detail of a rejected upload: as the file service gave it, completed, so that the outcome is not lost for
a
field.
"""

from typing import Any

import msgspec

from app.wire.schema import Envelope, FailedData

#: A larger detail is cut: a batch's errors event carries one for each failed slot, and a topic takes so much at a
#: time. 1,000 failed slots of this size make 16 MB.
LARGEST = 16 * 1024
_LONGEST_MESSAGE = 1000


def complete(envelope: Envelope[FailedData], correlation_id: str) -> bytes:
    """The detail as JSON, with every field that the platform's model has.

    What is missing or null comes from the envelope and the error code. One of over ``LARGEST`` bytes keeps its code,
    origin and the beginning of its message; ``details`` then says how many bytes it had.
    """
    given = envelope.data.validation_error_detail or {}
    code = envelope.data.validation_error_code
    fallback: dict[str, Any] = {
        "error_code": code,
        "message": code,
        "correlation_id": correlation_id,
        "timestamp": envelope.data.timestamp,
        "service": envelope.source_service,
        "operation": "validate_upload",
        "details": {},
    }
    whole = {field: default if given.get(field) is None else given[field] for field, default in fallback.items()}
    encoded = msgspec.json.encode(whole)
    if len(encoded) <= LARGEST:
        return encoded
    message = whole["message"]
    return msgspec.json.encode(
        fallback
        | {
            "message": message[:_LONGEST_MESSAGE] if isinstance(message, str) else code,
            "details": {"rollcall_cut_bytes": len(encoded)},
        }
    )
