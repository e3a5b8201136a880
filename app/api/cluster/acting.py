"""An operator's act: checked against the present state, written to the log, and waited for."""

import asyncio
import time
from uuid import UUID, uuid4

from agents.processor import JoinProcessor
from app.api.cluster.cluster import Cluster, Found
from app.api.errors import ApiError, refuse, unknown_batch
from app.api.present import act_models
from app.core.act_rules import refusal
from app.core.acts import ACTS, Act, make_act
from app.core.facts import Acted
from app.engine.task_manager import TaskManager
from app.policy import policy_of
from app.wire import acts as wire
from app.wire.decode import RejectedError

#: How long the fold is waited for, and between two looks, at first and at most, in seconds.
PATIENCE = 5.0
_PAUSE = 0.1
_LONGEST_PAUSE = 1.0


async def act(
    cluster: Cluster, engine: TaskManager[JoinProcessor], batch_id: str, request: act_models.ActRequest
) -> act_models.ActAnswer:
    """Do it. The same ``act_id`` again is answered as the first time, and nothing is written.

    Raises ApiError: 400 for an act that can't be read, 404 for an unknown batch, 409 where the batch's state refuses
    it, 503 where its owner can't be asked: an act is never made blindly. KafkaError where the log can't be written.
    """
    wanted = act_of(request)
    try:
        key, value, headers = wire.encode(batch_id, wanted)
    except RejectedError as error:
        refuse(error.detail)
    found = await cluster.find(batch_id)
    if found.batch.last < 0:
        raise unknown_batch(batch_id)
    earlier = found.batch.acts.get(wanted.act_id)
    if earlier is not None:
        if earlier.act != wanted:
            raise ApiError(409, "act_id_taken", f"act_id {wanted.act_id} is that of another act on this batch")
        return _answer(wanted.act_id, found.partition, earlier.at, earlier)
    refused = refusal(found.batch, wanted, policy_of(cluster.settings))
    if refused is not None:
        raise ApiError(409, "refused", refused)
    offset = await engine.write(
        found.partition, key, value, [(name, header_value or b"") for name, header_value in headers]
    )
    return _answer(wanted.act_id, found.partition, offset, await _taken(cluster, found, wanted.act_id))


def act_of(request: act_models.ActRequest) -> Act:
    """The act that is asked for. Raises ApiError 400 where something is missing or does not belong to it."""
    kind = ACTS[request.act]
    fields = {entry.extra.field for entry in ACTS.values() if entry.extra is not None}
    given = {field for field in fields if getattr(request, field) is not None}
    own = set() if kind.extra is None else {kind.extra.field}
    if kind.extra is not None and kind.extra.required and not own & given:
        refuse(f"{request.act} needs {kind.extra.field}")
    if stray := given - own:
        refuse(f"{request.act} takes no {min(stray)}")
    value = None if kind.extra is None else getattr(request, kind.extra.field)
    if kind.extra is not None and kind.extra.kind == "ids":
        value = tuple(value or ())
    return make_act(request.act, _act_id(request.act_id), request.who, request.why, value)


def _act_id(given: str | None) -> str:
    if given is None:
        return str(uuid4())
    try:
        return str(UUID(given))
    except ValueError:
        refuse("act_id is a UUID")


async def _taken(cluster: Cluster, found: Found, act_id: str) -> Acted | None:
    """What the fold made of an act, once its owner shows it; None where it has not after a while."""
    deadline, pause = time.monotonic() + PATIENCE, _PAUSE
    while time.monotonic() < deadline:
        try:
            acted = (await cluster.find(found.batch.batch_id)).batch.acts.get(act_id)
        except ApiError:
            acted = None  # its partition is on the move; the act is in the log
        if acted is not None:
            return acted
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return None


def _answer(act_id: str, partition: int, offset: int, acted: Acted | None) -> act_models.ActAnswer:
    return act_models.ActAnswer(
        act_id=act_id,
        partition=partition,
        offset=offset if acted is None else acted.at,
        applied=None if acted is None else acted.refused is None,
        refused=None if acted is None else acted.refused,
    )
