"""What the judge is given: records as they stood on the topics, and the events it reads out of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

Json = dict[str, Any]
Position = tuple[str, int, int]  # topic, partition, offset


@dataclass(frozen=True)
class InputRecord:
    """One message on an input topic, with the place where the broker put it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def position(self) -> Position:
        """Topic, partition and offset: the identity of an input."""
        return self.topic, self.partition, self.offset


@dataclass(frozen=True)
class OutputRecord:
    """One message on an output topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """Return the text of a header, or None; a header that is there twice counts as not there."""
        found = [value for key, value in self.headers if key == name]
        return found[0].decode("utf-8", "replace") if len(found) == 1 else None

    @cached_property
    def data(self) -> Json:
        """The data of its event. It is decoded once: who waits for the last of many looks at all of them each time.

        Raises ValueError, KeyError or TypeError when it is no event.
        """
        found: Json = json.loads(self.value or b"")["data"]
        return found


@dataclass(frozen=True)
class Registration:
    """A batch and its slots."""

    record: InputRecord
    batch: str
    essay_ids: tuple[str, ...]
    correlation_id: str
    event_time: datetime
    traceparent: str | None
    course_code: str
    user_id: str
    org_id: str | None
    class_id: str | None
    student_prompt_ref: Json | None
    essay_instructions: str | None

    @property
    def content(self) -> Json:
        """The fields in which two registrations of a batch must agree."""
        return {
            "essay_ids": self.essay_ids,
            "course_code": self.course_code,
            "user_id": self.user_id,
            "org_id": self.org_id,
            "class_id": self.class_id,
            "student_prompt_ref": self.student_prompt_ref,
            "essay_instructions": self.essay_instructions,
        }


@dataclass(frozen=True)
class Upload:
    """A content (`text` set) or a validation failure (`text` None)."""

    record: InputRecord
    batch: str
    upload: str
    text: str | None
    file_name: str
    correlation_id: str
    time: datetime
    traceparent: str | None
    original: Json
    code: str = ""
    error_detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Malformed:
    """An input nobody can use: its bytes must be on the dead-letter topic."""

    record: InputRecord
    why: str


@dataclass(frozen=True)
class Expiry:
    """A marker in a log: here whatever was pending expired."""


Event = Registration | Upload
