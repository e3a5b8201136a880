"""The settings: environment variables with the prefix ``ROLLCALL_``, and a ``.env`` file.

A wrong one stops the worker at start and names itself.
"""

import ipaddress
import re
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.events import Policy
from app.errors import OperatorError

PREFIX = "ROLLCALL_"

_TEN_YEARS = 315_360_000  # 10 x 365 days x 86,400 s
_MILLISECOND = 0.001
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class SettingsError(OperatorError):
    """A setting can't be used. The message names every wrong one, its value and what is allowed."""


class Settings(BaseSettings):
    """All settings, validated. Field ``x`` is set by ``ROLLCALL_X``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    broker: str = Field(default="127.0.0.1:9092", description="Bootstrap servers, comma separated.")
    app_id: str = Field(
        default="rollcall",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="Consumer group, and the prefix of every internal topic.",
    )
    datadir: Path = Field(
        default=Path("./rollcall-data"), description="Local state; losing it costs a restore, never data."
    )
    processing_guarantee: Literal["at_least_once", "exactly_once"] = Field(
        default="exactly_once",
        description="exactly_once: changelog, outputs and offsets of a poll in one transaction; or at_least_once.",
    )
    partitions: int = Field(
        default=3,
        ge=1,
        le=10_000,
        description="Partitions of the internal log and tables; fixed for an app id once they exist.",
    )
    replication_factor: int = Field(default=1, ge=1, le=100, description="Of every topic that is created.")
    readiness_timeout_seconds: float = Field(
        default=86_400, ge=0, le=_TEN_YEARS, allow_inf_nan=False, description="See BatchReadinessTimeout; 0: off."
    )
    pending_ttl_seconds: float = Field(
        default=86_400, ge=0, le=_TEN_YEARS, allow_inf_nan=False, description="See PendingContentExpired; 0: off."
    )
    provisioning_completed: bool = Field(default=True, description="Emit BatchContentProvisioningCompletedV1.")
    http_host: str = Field(default="127.0.0.1", description="Where HTTP listens; loopback only.")
    http_port: int = Field(default=6066, ge=0, le=65_535, description="HTTP port; 0: none.")
    log_format: Literal["console", "json"] | None = Field(
        default=None, description="Structured logs on standard error; console on a terminal, else json."
    )

    source_service: str = Field(
        default="essay-lifecycle-service", min_length=1, description="source_service of the outputs."
    )
    max_message_bytes: int = Field(
        default=1_048_576, ge=1024, le=4_194_304, description="A larger input is a dead letter `oversized`."
    )
    session_timeout_seconds: float = Field(
        default=6.0, ge=1, le=300, description="A worker that is silent for longer loses its partitions."
    )
    cache_uploads: int = Field(
        default=400_000, ge=1, description="Uploads and slots that the cache of a worker holds, about 0.5 KB each."
    )
    max_poll_records: int = Field(default=10_000, ge=1, le=100_000, description="At most so many records a chunk.")
    tick_seconds: float = Field(
        default=1.0, ge=0.05, le=60, description="How often deadlines that are due are looked at."
    )
    skip_poison: str = Field(
        default="",
        description="Inputs (topic:partition:offset, comma separated) to send to the dead letters unfolded.",
    )

    @field_validator("broker")
    @classmethod
    def _servers(cls, value: str) -> str:
        servers = [server.strip() for server in value.split(",")]
        for server in servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - the number of ports
                message = f"{server!r} is not host:port"
                raise ValueError(message)
        return ",".join(servers)

    @field_validator("http_host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if value == "localhost":
            return value
        try:
            loopback = ipaddress.ip_address(value).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            message = f"{value!r} is not a loopback address: state is shown without authentication, so on loopback only"
            raise ValueError(message)
        return value

    @field_validator("readiness_timeout_seconds", "pending_ttl_seconds")
    @classmethod
    def _whole_milliseconds(cls, value: float) -> float:
        if 0 < value < _MILLISECOND:
            message = f"{value!r} is less than a millisecond; 0 turns it off"
            raise ValueError(message)
        return value

    @field_validator("skip_poison")
    @classmethod
    def _positions(cls, value: str) -> str:
        _parse_positions(value)
        return value

    @property
    def poison(self) -> frozenset[tuple[str, int, int]]:
        """The inputs that are not to be folded: topic, partition and offset."""
        return _parse_positions(self.skip_poison)

    @property
    def exactly_once(self) -> bool:
        """Whether each poll is a transaction."""
        return self.processing_guarantee == "exactly_once"

    @property
    def policy(self) -> Policy:
        """What the rules need of the settings."""
        return Policy(
            readiness_timeout=round(self.readiness_timeout_seconds * 1000),
            pending_ttl=round(self.pending_ttl_seconds * 1000),
            provisioning_completed=self.provisioning_completed,
        )

    @property
    def json_logs(self) -> bool:
        """Whether logs are JSON lines."""
        return self.log_format == "json" or (self.log_format is None and not sys.stderr.isatty())


def _parse_positions(value: str) -> frozenset[tuple[str, int, int]]:
    found = set()
    for part in filter(None, (part.strip() for part in value.split(","))):
        topic, *numbers = part.rsplit(":", 2)
        if (
            not _TOPIC.fullmatch(topic)
            or len(numbers) != 2  # noqa: PLR2004 - partition and offset
            or not all(number.isdigit() for number in numbers)
        ):
            message = f"{part!r} is not topic:partition:offset"
            raise ValueError(message)
        found.add((topic, int(numbers[0]), int(numbers[1])))
    return frozenset(found)


def load() -> Settings:
    """The settings of the environment. Raises SettingsError, which names every wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}={problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        message = "wrong settings:\n  " + "\n  ".join(lines)
        raise SettingsError(message) from None
