"""A transactional id that the broker has forgotten: it does after a week without a transaction
(``transactional.id.expiration.ms``), so after every holiday.

aiokafka takes that for a bug of its own, logs a traceback, and fails what is to be sent without a reason.
"""

from typing import Any

from aiokafka.errors import InvalidProducerIdMapping, ProducerFenced
from aiokafka.producer.sender import BaseHandler


class ForgottenError(ProducerFenced):  # type: ignore[misc]  # aiokafka is not typed
    """The producer's epoch is over, and nobody has taken it: a new producer gets a new one at once."""


def install() -> None:
    """Change it for all producers of the process. Idempotent."""
    BaseHandler.do = _do


_original_do = BaseHandler.do


async def _do(self: Any, node_id: Any) -> bool:
    try:
        return bool(await _original_do(self, node_id))
    except InvalidProducerIdMapping as error:
        message = (
            "the broker has forgotten the transactional id, as it does with one that was idle for "
            "transactional.id.expiration.ms (a week)"
        )
        raise ForgottenError(message) from error
