"""The error detail of a rejected upload: as the file service gave it, completed, so that the outcome is not lost for
a
field.
"""

from typing import Any

import msgspec

from app.wire.schema import LONGEST_ID, Envelope, FailedData

#: A larger detail is cut: a batch's errors event carries one for each failed slot (:mod:`app.core.errors_event`).
LARGEST = 16 * 1024
#: Characters of the message of a cut one; the first that fits. With the last, code and service have 6 bytes for each
#: of 1,000 characters at most, twice 6,000 of 16,384 bytes, and everything else has 300.
_MESSAGE_LENGTHS = (1000, 500)


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
        "service": envelope.source_service[:LONGEST_ID],
        "operation": "validate_upload",
        "details": {},
    }
    whole = {field: default if given.get(field) is None else given[field] for field, default in fallback.items()}
    encoded = msgspec.json.encode(whole)
    if len(encoded) <= LARGEST:
        return encoded
    message = whole["message"]
    kept = message if isinstance(message, str) else code
    for length in _MESSAGE_LENGTHS:
        cut = fallback | {"message": kept[:length], "details": {"rollcall_cut_bytes": len(encoded)}}
        encoded_cut = msgspec.json.encode(cut)
        if len(encoded_cut) <= LARGEST:
            break
    return encoded_cut
