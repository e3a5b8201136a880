"""What a broker's refusal of a command says: who may not do what, and not that nobody answers."""

import pytest
from aiokafka import errors
from pydantic import SecretStr

from app.core import names
from app.engine.kafka.client_errors import denied_to_a_command
from app.settings import Settings

SETTINGS = Settings(
    security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_username="ada", sasl_password=SecretStr("secret")
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.TopicAuthorizationFailedError(names.DEAD_LETTER), f"Read on Topic {names.DEAD_LETTER}"),
        (errors.TopicAuthorizationFailedError({"rollcall-log"}), "Read on Topic rollcall-log"),
        (errors.TopicAuthorizationFailedError({names.CONTENT}), f"Write on Topic {names.CONTENT}"),
        (errors.TopicAuthorizationFailedError("fresh-log"), "Write on Topic fresh-log"),
        (errors.GroupAuthorizationFailedError("rollcall"), "Describe on Group rollcall"),
    ],
)
def test_what_is_denied_to_a_command_is_named_with_the_principal_and_the_remedy(
    error: errors.KafkaError, line: str
) -> None:
    said = str(denied_to_a_command(SETTINGS, error, names.INPUTS))
    assert f"deny User:ada (ROLLCALL_SASL_USERNAME) what the command has to do: {line}. Allow it" in said
    assert "kafka-acls.sh --add" in said


def test_what_is_no_denial_is_left_to_others() -> None:
    assert denied_to_a_command(SETTINGS, errors.KafkaConnectionError("away"), names.INPUTS) is None
