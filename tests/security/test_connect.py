"""Which answers of several brokers are a refusal; no broker is needed."""

import ssl
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from app.engine.kafka import broker_diagnosis
from app.settings import Settings
from tests.security.conftest import PASSWORD

Address = tuple[str, int]
A, B, NAMED = ("a.example", 1), ("b.example", 2), ("named.example", 3)


def otherwise_named() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 62, "Hostname mismatch"
    return error


REFUSES = SaslAuthenticationFailed(f"{PASSWORD} is not it")
AWAY = ConnectionRefusedError("connection refused")
CLOSES = KafkaConnectionError("connection closed")

# What the brokers of ROLLCALL_BROKER, and those they name, answer: other brokers, or an error; and what is said of it.
CASES: dict[str, tuple[dict[Address, set[Address] | Exception], str | None, str | None]] = {
    "all is well": ({A: {A, B}, B: {A, B}}, None, None),
    "nobody is there": ({A: AWAY, B: AWAY}, None, "a.example:1: connection refused"),
    "one is away and one is well": ({A: AWAY, B: {B}}, None, "a.example:1"),
    "one refuses and one is away": ({A: REFUSES, B: AWAY}, "ROLLCALL_SASL_PASSWORD: the broker a.example:1", None),
    "one refuses and one is well": ({A: REFUSES, B: {B}}, None, "ROLLCALL_SASL_PASSWORD: the broker a.example:1"),
    "one closes": ({A: CLOSES, B: AWAY}, None, "ROLLCALL_SECURITY_PROTOCOL=SASL_PLAINTEXT"),
    "the broker they name has another host's certificate": (
        {A: {NAMED}, B: AWAY, NAMED: otherwise_named()},
        "ROLLCALL_BROKER: the certificate of the broker named.example:3",
        None,
    ),
    "the broker they name is away": ({A: {NAMED}, B: {NAMED}, NAMED: AWAY}, None, "named.example:3"),
    "the broker they name is well": ({A: {NAMED}, B: {NAMED}, NAMED: {NAMED}}, None, None),
}


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_where_one_refuses_and_none_agrees(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, refusal, remark = CASES[name]
    asked: list[Address] = []

    async def brokers(_settings: Settings, host: str, port: int) -> set[Address]:
        asked.append((host, port))
        answer = answers[host, port]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(broker_diagnosis, "_brokers", brokers)
    settings = Settings(
        broker="a.example:1,b.example:2",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_username="worker",
        sasl_password=PASSWORD,  # type: ignore[arg-type]  # as the environment gives it
    )
    if refusal is None:
        found = await broker_diagnosis.check(settings)
        assert (found is None) == (remark is None)
        assert (remark or "") in (found or "")
        assert PASSWORD not in (found or "")
    else:
        with pytest.raises(broker_diagnosis.RefusedError, match=refusal) as caught:
            await broker_diagnosis.check(settings)
        assert PASSWORD not in str(caught.value)
    assert sorted(asked) == sorted(answers)


@pytest.mark.parametrize(
    ("answers", "asked"), [("-RR", 3), ("R-R-RR", 6), ("-" * 9 + "RR", 11)], ids=["at once", "not in a row", "late"]
)
async def test_a_running_worker_is_stopped_by_two_refusals_in_a_row(
    answers: str, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, slept = list(answers), list[float]()

    async def check(_settings: Settings) -> None:
        if left.pop(0) == "R":
            message = "not any more"
            raise broker_diagnosis.RefusedError(message)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(broker_diagnosis, "check", check)
    with pytest.raises(broker_diagnosis.RefusedError, match="not any more"):
        await broker_diagnosis.watch(Settings.model_construct(), sleep)
    assert slept == [broker_diagnosis.WATCH_SECONDS] * asked
