"""The settings: environment variables with the prefix ``ROLLCALL_``, and a ``.env`` file.

A wrong one stops the worker at start and names itself.
"""

import re
import sys
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from app import dot_env
from app.http_settings import HttpSettings
from app.security import Security

PREFIX = "ROLLCALL_"

_TEN_YEARS = 315_360_000  # 10 x 365 days x 86,400 s
_MILLISECOND = 0.001
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Settings(HttpSettings, Security):
    """All settings, validated. Field ``x`` is set by ``ROLLCALL_X``. Those of HTTP, SASL and TLS are inherited."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=dot_env.ENV_FILE, extra="ignore", frozen=True, hide_input_in_errors=True
    )

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
        description="exactly_once: changelog, outputs and offset of a chunk in one transaction; or at_least_once.",
    )
    partitions: int = Field(
        default=3,
        ge=1,
        le=10_000,
        description="Partitions of the internal log and tables; fixed for an app id once they exist.",
    )
    replication_factor: int = Field(default=1, ge=1, le=100, description="Of every topic that is created.")
    readiness_timeout_seconds: float = Field(
        default=86_400,
        ge=0,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description=(
            "A registered batch that is incomplete by then gets a BatchReadinessTimeout, once, and stays open; 0: off."
        ),
    )
    pending_ttl_seconds: float = Field(
        default=86_400,
        ge=0,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description=(
            "A pending upload without a registration by then is given up with PendingContentExpired, which carries "
            "the whole original; 0: off."
        ),
    )
    batch_retention_seconds: float = Field(
        default=2_592_000,
        ge=0,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description=(
            "A closed batch (complete or discarded) that no record has changed for so long, in log time, is retired: "
            "only a receipt is kept, and what comes late for it goes to the dead letters; 0: never."
        ),
    )
    receipt_retention_seconds: float = Field(
        default=31_536_000,
        ge=0,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description="How long the receipt of a retired batch is kept; then its id is unknown. 0: for ever.",
    )
    log_retention_seconds: float = Field(
        default=7_776_000,
        ge=0,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description=(
            "`retention.ms` of the internal log, as it is made. At least ROLLCALL_BATCH_RETENTION_SECONDS plus the "
            "longer of both deadlines; 0: for ever."
        ),
    )
    provisioning_completed: bool = Field(
        default=True,
        description="Emit BatchContentProvisioningCompletedV1 too, on which today's orchestrator moves a batch on.",
    )
    stuck_after_seconds: float = Field(
        default=300,
        ge=1,
        le=_TEN_YEARS,
        allow_inf_nan=False,
        description="A batch that is incomplete for longer is shown and counted as stuck.",
    )
    log_format: Literal["console", "json"] | None = Field(
        default=None, description="Structured logs on standard error; console on a terminal, else json."
    )

    traces: bool = Field(
        default=False,
        description="Send traces with OpenTelemetry (the extra rollcall[otel]), as the variables OTEL_* say.",
    )
    source_service: str = Field(
        default="essay-lifecycle-service", min_length=1, max_length=1000, description="source_service of the outputs."
    )
    max_message_bytes: int = Field(
        default=1_048_576, ge=1024, le=4_194_304, description="A larger input is a dead letter `oversized`."
    )
    session_timeout_seconds: float = Field(
        default=6.0, ge=1, le=300, description="A worker that is silent for longer loses its partitions."
    )
    instance_id: str = Field(
        default="",
        max_length=249,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Static membership (group.instance.id), of this worker alone: a restart within the session "
        "time-out moves nothing, and its partitions wait for it. For sessions longer than a restart; empty: off.",
    )
    standbys: int = Field(
        default=0,
        ge=0,
        le=10,
        description="So many other workers keep a copy of each partition's tables warm: a takeover by one of them "
        "restores only the tail.",
    )
    cache_uploads: int = Field(
        default=600_000, ge=1, description="Uploads and slots that the cache of a worker holds, about 0.34 KB each."
    )
    max_poll_records: int = Field(default=10_000, ge=1, le=100_000, description="At most so many records a chunk.")
    chunks_per_second: float = Field(
        default=100,
        ge=0,
        le=100_000,
        allow_inf_nan=False,
        description="A worker begins at most so many small chunks a second, over all its partitions (a chunk of many "
        "records counts for up to five); beyond that a chunk waits for its turn and gathers what comes, for 0.25 s at "
        "most. 0: no bound, each is begun at once.",
    )
    tick_seconds: float = Field(
        default=1.0, ge=0.05, le=60, description="How often deadlines that are due are looked at."
    )
    skip_poison: str = Field(
        default="",
        description="Inputs (topic:partition:offset, comma separated) to send to the dead letters unfolded.",
    )
    pure: bool = Field(
        default=False,
        description="The Python twin runs where the native part is there, too. Not in `.env`: it is read before that.",
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

    @field_validator(
        "readiness_timeout_seconds",
        "pending_ttl_seconds",
        "batch_retention_seconds",
        "receipt_retention_seconds",
        "log_retention_seconds",
    )
    @classmethod
    def _whole_milliseconds(cls, value: float) -> float:
        if 0 < value < _MILLISECOND:
            message = f"{value!r} is less than a millisecond; 0 turns it off"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _log_retention(self) -> Self:
        """What is retired, or late, must have its records in the log until then."""
        deadline = max(("readiness_timeout_seconds", "pending_ttl_seconds"), key=lambda name: getattr(self, name))
        least = self.batch_retention_seconds + getattr(self, deadline)
        if 0 < self.log_retention_seconds < least:
            message = (
                f"{PREFIX}LOG_RETENTION_SECONDS={self.log_retention_seconds:.15g} is less than "
                f"{PREFIX}BATCH_RETENTION_SECONDS={self.batch_retention_seconds:.15g} plus "
                f"{PREFIX}{deadline.upper()}={getattr(self, deadline):.15g}: set it to {least:.15g} or more, "
                "or 0, for ever"
            )
            raise ValueError(message)
        return self

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
    def log_topic(self) -> str:
        """The internal log: every input re-keyed by batch id, and the ticks."""
        return f"{self.app_id}-log"

    @property
    def exactly_once(self) -> bool:
        """Whether each poll is a transaction."""
        return self.processing_guarantee == "exactly_once"

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
