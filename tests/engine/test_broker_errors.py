"""A broker's refusal is told by Kafka's name for it, also where the client has none."""

import re

import pytest
from aiokafka import errors
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownError, for_code

from app.engine.kafka import aiokafka_patches, broker_errors
from app.engine.kafka.broker_errors import CODES, named, remedy, told

aiokafka_patches.install()


@pytest.mark.parametrize(("code", "name"), [(code, name) for code, name, _, _ in CODES])
def test_a_code_that_the_client_lacks_is_an_error_of_its_own(code: int, name: str) -> None:
    error = for_code(code)
    assert error is not UnknownError
    assert (error.errno, error.message) == (code, name)
    assert re.match(rf"{name} \(code {code}, KIP-\d+\): \S", named(code))


def test_every_code_of_kafka_is_known() -> None:
    """Kafka 4.2 has -1 to 133 without a gap."""
    assert set(range(-1, 134)) <= set(errors.kafka_errors)


def test_a_code_that_the_client_knows_stays_as_it_is() -> None:
    before = errors.kafka_errors[29]
    broker_errors.install()
    assert before is errors.kafka_errors[29] is TopicAuthorizationFailedError
    assert named(29).startswith("TOPIC_AUTHORIZATION_FAILED (code 29)")


def test_a_code_that_nobody_knows_is_told_as_a_number() -> None:
    assert named(4711) == (
        "error code 4711, which this version of Rollcall does not know (see Errors.java of Apache Kafka)"
    )


def test_errors_are_told_in_a_line() -> None:
    assert told(for_code(87)()).startswith("INVALID_RECORD (code 87, KIP-467): the topic can't hold the record")
    assert told(TopicAuthorizationFailedError("topic x")).endswith("; topic x")
    assert told(KafkaConnectionError("away")) == "KafkaConnectionError: away"
    assert remedy(for_code(87)()) == "set cleanup.policy=delete on the topic and start again"
    assert not remedy(TimeoutError())
    assert told(TimeoutError()) == "TimeoutError"
