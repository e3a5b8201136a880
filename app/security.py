"""How Kafka clients authenticate: TLS and SASL.

With TLS the broker's certificate and host name are always checked. What does not fit together is refused at start by
the names of the settings; so is a file that can't be used. A secret is in no message, ``repr`` or log.
"""

import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, SecretStr, model_validator

from app.plain_settings import PlainSettings

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_PREFIX = "ROLLCALL_"

Result = TypeVar("Result")


class Security(PlainSettings):
    """The settings of it, validated together."""

    security_protocol: Protocol = Field(default="PLAINTEXT", description="What the broker's listener speaks.")
    sasl_mechanism: Mechanism | None = Field(default=None, description="How to log in, with SASL.")
    sasl_username: str | None = Field(default=None, min_length=1, description="Who logs in.")
    sasl_password: SecretStr | None = Field(default=None, min_length=1, description="The password of it.")
    sasl_password_file: Path | None = Field(default=None, description="Or a file that holds it, as its only line.")
    ssl_cafile: Path | None = Field(
        default=None, description="Authorities (PEM) that the broker's certificate is checked by; else the system's."
    )
    ssl_certfile: Path | None = Field(default=None, description="The client's own certificate and its chain (PEM).")
    ssl_keyfile: Path | None = Field(default=None, description="The private key of it (PEM).")
    ssl_password: SecretStr | None = Field(default=None, min_length=1, description="What the private key is under.")
    ssl_password_file: Path | None = Field(default=None, description="Or a file that holds it, as its only line.")

    @model_validator(mode="after")
    def _security(self) -> Self:
        """Refuse what would fail later, or do less than was meant. Raises ValueError, which names every problem."""
        problems = [*_missing_files(self), *_login_problems(self), *_tls_problems(self)]
        if not problems:
            try:
                client_options(self)
            except ValueError as error:
                problems = [str(error)]
        if problems:
            message = "\n  ".join(problems)
            raise ValueError(message)
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether connections to the broker are encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        """Whether clients log in."""
        return self.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}


def client_options(settings: Security) -> dict[str, Any]:
    """The arguments of every Kafka client for it; empty without TLS and SASL.

    Certificates are read once, a password's file for each new client. Raises ValueError, which names the setting that
    can't be used.
    """
    options: dict[str, Any] = {}
    if settings.security_protocol != "PLAINTEXT":
        options["security_protocol"] = settings.security_protocol
    if settings.uses_tls:
        options["ssl_context"] = _context(
            settings.ssl_cafile,
            settings.ssl_certfile,
            settings.ssl_keyfile,
            _secret("SSL_PASSWORD", settings.ssl_password, settings.ssl_password_file),
        )
    if settings.uses_sasl:
        password = _secret("SASL_PASSWORD", settings.sasl_password, settings.sasl_password_file)
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": None if password is None else password.get_secret_value(),
        }
    return options


def without_secrets(settings: Security, text: str) -> str:
    """The text without the password: for what others say about a login."""
    password = client_options(settings).get("sasl_plain_password")
    return text.replace(password, "***") if password else text


def _missing_files(settings: Security) -> list[str]:
    found = []
    for name in ("sasl_password_file", "ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password_file"):
        path: Path | None = getattr(settings, name)
        if path is not None and not path.is_file():
            found.append(f"{_name(name)}={str(path)!r}: there is no such file")
    return found


def _login_problems(settings: Security) -> list[str]:
    given = {
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_username": settings.sasl_username,
        "sasl_password": settings.sasl_password,
        "sasl_password_file": settings.sasl_password_file,
    }
    present = [_name(name) for name, value in given.items() if value is not None]
    if not settings.uses_sasl:
        return [_unused(present, settings, "SASL_SSL")] if present else []
    found = []
    if settings.sasl_mechanism is None:
        found.append(_needed("sasl_mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", settings))
    if settings.sasl_username is None:
        found.append(_needed("sasl_username", "who logs in", settings))
    if settings.sasl_password is None and settings.sasl_password_file is None:
        found.append(_needed("sasl_password", "or ROLLCALL_SASL_PASSWORD_FILE", settings))
    if settings.sasl_password is not None and settings.sasl_password_file is not None:
        found.append("ROLLCALL_SASL_PASSWORD and ROLLCALL_SASL_PASSWORD_FILE are both set: which one?")
    return found


def _tls_problems(settings: Security) -> list[str]:
    given = {
        "ssl_cafile": settings.ssl_cafile,
        "ssl_certfile": settings.ssl_certfile,
        "ssl_keyfile": settings.ssl_keyfile,
        "ssl_password": settings.ssl_password,
        "ssl_password_file": settings.ssl_password_file,
    }
    present = [_name(name) for name, value in given.items() if value is not None]
    if not settings.uses_tls:
        better = "SASL_SSL" if settings.uses_sasl else "SSL"
        return [_unused(present, settings, better)] if present else []
    found = []
    if settings.ssl_certfile is not None and settings.ssl_keyfile is None:
        found.append("ROLLCALL_SSL_CERTFILE needs ROLLCALL_SSL_KEYFILE beside it (it may be the same file)")
    if settings.ssl_keyfile is not None and settings.ssl_certfile is None:
        found.append("ROLLCALL_SSL_KEYFILE needs ROLLCALL_SSL_CERTFILE beside it (it may be the same file)")
    if settings.ssl_keyfile is None and (settings.ssl_password or settings.ssl_password_file):
        found.append("ROLLCALL_SSL_PASSWORD is what ROLLCALL_SSL_KEYFILE is under, which is not set")
    if settings.ssl_password is not None and settings.ssl_password_file is not None:
        found.append("ROLLCALL_SSL_PASSWORD and ROLLCALL_SSL_PASSWORD_FILE are both set: which one?")
    return found


def _name(field: str) -> str:
    return f"{_PREFIX}{field.upper()}"


def _needed(field: str, values: str, settings: Security) -> str:
    return f"{_name(field)} ({values}) is needed with ROLLCALL_SECURITY_PROTOCOL={settings.security_protocol}"


def _unused(names: list[str], settings: Security, better: str) -> str:
    """It is refused rather than ignored: who sets it thinks that the connection is safer than it is."""
    return (
        f"{', '.join(names)}: of no effect with ROLLCALL_SECURITY_PROTOCOL={settings.security_protocol}; "
        f"set that to {better}?"
    )


def _secret(name: str, value: SecretStr | None, path: Path | None) -> SecretStr | None:
    if path is None:
        return value
    text = _readable(f"{_PREFIX}{name}_FILE", path, path.read_text).removesuffix("\n").removesuffix("\r")
    if not text:
        message = f"{_PREFIX}{name}_FILE={str(path)!r}: the file is empty"
        raise ValueError(message)
    return SecretStr(text)


@lru_cache(maxsize=8)  # an authority's file takes some milliseconds, and the API makes clients as it answers
def _context(
    cafile: Path | None, certfile: Path | None, keyfile: Path | None, password: SecretStr | None
) -> ssl.SSLContext:
    # Checks the certificate and the host name.
    context = _readable(f"{_PREFIX}SSL_CAFILE", cafile, lambda: ssl.create_default_context(cafile=cafile))
    # Not all builds of Python ask for it: Debian's leave it to the system's settings of OpenSSL, which may ask for 1.3.
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    if certfile is not None and keyfile is not None:
        # Always a password: without one, OpenSSL would ask for it on the terminal.
        secret = "" if password is None else password.get_secret_value()
        _readable(
            f"{_PREFIX}SSL_KEYFILE={str(keyfile)!r} (its password: {'none' if password is None else 'given'}), "
            f"{_PREFIX}SSL_CERTFILE",
            certfile,
            lambda: context.load_cert_chain(certfile, keyfile, lambda: secret),
        )
    return context


def _readable(names: str, path: Path | None, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except ssl.SSLError as error:
        message = f"{names}={str(path)!r}: can't be used: {error.reason or error}"
    except (OSError, UnicodeDecodeError) as error:
        message = f"{names}={str(path)!r}: can't be read: {getattr(error, 'strerror', None) or 'it is not text'}"
    raise ValueError(message)
