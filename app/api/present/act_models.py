"""What an operator asks for with a body, and the answer. Durations are seconds."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.api.present.model import Asked, Model
from app.core.acts import ACTS, LONGEST_WHO, LONGEST_WHY


def _known_act(name: str) -> str:
    if name not in ACTS:
        message = f"Input should be one of {', '.join(ACTS)}"
        raise ValueError(message)
    return name


ActName = Annotated[str, AfterValidator(_known_act), Field(json_schema_extra={"enum": list(ACTS)})]


class ActRequest(Asked):
    """An act. ``act_id`` makes a repeat of the request the same act. ``file_upload_id`` is for discard_upload,
    ``seconds`` for extend, ``essay_ids`` for reopen.
    """

    act: ActName
    who: str = Field(min_length=1, max_length=LONGEST_WHO)
    why: str = Field(min_length=1, max_length=LONGEST_WHY)
    act_id: str | None = None
    file_upload_id: str | None = None
    seconds: int | None = None
    essay_ids: list[str] | None = None


class ActAnswer(Model):
    """The act is in the log at ``offset``.

    ``applied``: whether the fold took it (false: ``refused`` says why), null where it has not come to it within 5 s.
    """

    act_id: str
    partition: int
    offset: int
    applied: bool | None
    refused: str | None


class ReplayRequest(Asked):
    """Who puts a dead letter back, and why."""

    who: str = Field(min_length=1, max_length=LONGEST_WHO)
    why: str = Field(min_length=1, max_length=LONGEST_WHY)
