"""Why a broker can't be used: it is asked by hand, a step at a time.

The client reports only that it could not connect, and tries again for ever. That is right for a broker that is
not there, and wrong for one that is there and refuses: an operator has to change a setting.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterator

from aiokafka import errors
from aiokafka.cluster import ClusterMetadata
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.kafka import crowded
from app.engine.kafka.clients import connection
from app.errors import OperatorError
from app.security import without_secrets
from app.settings import Settings

#: How long a broker may take for an answer (ms). It is one that did not answer the client before.
_PATIENCE_MS = 5_000

#: How often a running worker asks (seconds): one connection to each broker, so seldom.
WATCH_SECONDS = 30.0

#: OpenSSL's codes of a sound certificate that was issued for another host name or another address.
_OTHER_HOST = frozenset({62, 64})

_LOGIN_REFUSED = (errors.SaslAuthenticationFailed, errors.AuthenticationFailedError)
_NO_LOGIN_THERE = (errors.IllegalSaslStateError, errors.AuthenticationMethodNotSupported)


class RefusedError(OperatorError):
    """A broker is there and refuses. The message names the setting and the broker, and no secret."""


async def check(settings: Settings) -> str | None:
    """Ask each broker of ``ROLLCALL_BROKER``, and those that they name, whether it lets this client in.

    Raises RefusedError where one refuses and none agrees: trying again is useless. Otherwise what is known of
    those that can't be used, for a person; None where all is well. Takes up to 5 s for a step of a broker.
    """
    known_as = crowded.addresses(settings)
    refusals: list[str] = []
    remarks: list[str] = []
    agreed = False
    for address in known_as:  # it grows meanwhile, by the addresses that the brokers are known under
        try:
            known = await _brokers(settings, *address)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, or raised by the client itself
            refusal = _refusal(settings, *address, error)
            if refusal is None:
                remarks.append(_remark(settings, *address, error))
            else:
                refusals.append(without_secrets(settings, refusal))
            continue
        agreed = agreed or address in known
        known_as.extend(sorted(known - set(known_as)))
    if refusals and not agreed:
        raise RefusedError("; ".join(refusals))
    return "; ".join([*refusals, *remarks]) or None


async def watch(settings: Settings, sleep: Callable[[float], Awaitable[None]], every: float = WATCH_SECONDS) -> None:
    """Ask again and again until cancelled.

    A password or a certificate may become invalid under a running worker: its connections then stay until they break,
    and its clients would try for ever. Raises RefusedError when it is refused twice in a row: once may be a broker
    that is just starting.
    """
    refused = False
    while True:
        await sleep(every)
        try:
            if await check(settings) is not None:
                crowded.tell(await crowded.closing(crowded.addresses(settings)))
            refused = False
        except RefusedError:
            if refused:
                raise
            refused = True


async def _brokers(settings: Settings, host: str, port: int) -> set[tuple[str, int]]:
    """The addresses of the cluster's brokers, as this one says them."""
    options = {name: value for name, value in connection(settings).items() if name != "bootstrap_servers"}
    client = await create_conn(host, port, request_timeout_ms=_PATIENCE_MS, **options)
    try:
        answer = await client.send(MetadataRequest([]))
    finally:
        client.close()
    cluster = ClusterMetadata()
    cluster.update_metadata(answer)
    return {(broker.host, broker.port) for broker in cluster.brokers()}


def _refusal(settings: Settings, host: str, port: int, error: BaseException) -> str | None:
    """What the broker refuses, by the name of the setting; None where the error may be one of the network."""
    broker = f"the broker {host}:{port}"
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if cause.verify_code in _OTHER_HOST:
                return (
                    f"ROLLCALL_BROKER: the certificate of {broker} is another host's: {cause.verify_message}. Name the "
                    "broker as its certificate does (and in its advertised.listeners)"
                )
            authorities = f"={str(settings.ssl_cafile)!r}" if settings.ssl_cafile else " (not set: the system's)"
            return f"ROLLCALL_SSL_CAFILE{authorities}: the certificate of {broker} is refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            given = f"={str(settings.ssl_certfile)!r}" if settings.ssl_certfile else " (not set)"
            return f"ROLLCALL_SSL_CERTFILE{given}: {broker} refuses the client's certificate: {cause.reason}"
        if isinstance(cause, _LOGIN_REFUSED):
            return (
                f"ROLLCALL_SASL_USERNAME={settings.sasl_username!r}, ROLLCALL_SASL_PASSWORD: {broker} refuses the "
                f"login by {settings.sasl_mechanism}: {cause}"
            )
        if isinstance(cause, errors.UnsupportedSaslMechanismError):
            return f"ROLLCALL_SASL_MECHANISM={settings.sasl_mechanism}: {broker} does not offer it"
        if isinstance(cause, _NO_LOGIN_THERE):
            return (
                f"ROLLCALL_SECURITY_PROTOCOL={settings.security_protocol}: {broker} expects no login on this port: "
                f"is it {'SSL' if settings.uses_tls else 'PLAINTEXT'}?"
            )
    return None


def _remark(settings: Settings, host: str, port: int, error: BaseException) -> str:
    """Details for the error's line.

    A broker that closes a connection it has just taken is on its way down, or speaks another protocol: the two can't be
    distinguished.
    """
    remark = f"{host}:{port}: {str(error) or type(error).__name__}"
    closed = isinstance(error, errors.KafkaConnectionError | ConnectionResetError | ssl.SSLError | EOFError)
    if closed:
        remark += (
            f" (does its listener speak ROLLCALL_SECURITY_PROTOCOL={settings.security_protocol}, and does its "
            "max.connections.per.ip allow another connection?)"
        )
    return without_secrets(settings, remark)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
