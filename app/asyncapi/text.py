"""The document as text."""

import json

from app.asyncapi.document import document


def text() -> str:
    """The AsyncAPI document as JSON, as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
