"""The settings of HTTP: where a worker listens, how others reach it, and who may ask. A wrong one stops it at start."""

import ipaddress
import re
import socket
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from app.addresses import is_address
from app.plain_settings import PlainSettings

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")


class HttpSettings(PlainSettings):
    """The settings of HTTP, validated together: nothing that shows state listens wider without a token."""

    http_host: str = Field(
        default="127.0.0.1", description="Where HTTP listens; anything but loopback needs ROLLCALL_HTTP_TOKEN."
    )
    http_port: int = Field(
        default=6066, ge=0, le=65_535, description="Port of the board, the API, /metrics and /health; 0: none."
    )
    http_url: str | None = Field(
        default=None, description="Where the other workers reach this one's HTTP; default: the host and the port."
    )
    http_token: SecretStr | None = Field(
        default=None,
        description=(
            "Bearer token of 16 to 512 characters that permits everything over HTTP; the same for all workers of an "
            "app id. Without one, HTTP is for this machine only."
        ),
    )
    http_read_token: SecretStr | None = Field(
        default=None, description="Bearer token that permits to read over HTTP, /metrics included, and not to act."
    )

    @field_validator("http_host")
    @classmethod
    def _host(cls, value: str) -> str:
        if value != "localhost":
            try:
                ipaddress.ip_address(value)
            except ValueError:
                message = f"{value!r} is neither an IP address nor localhost"
                raise ValueError(message) from None
        return value

    @field_validator("http_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not is_address(value):
            message = f"{value!r} is not http://host:port or https://host:port"
            raise ValueError(message)
        return value

    @field_validator("http_token", "http_read_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            # The value is not shown: it may be most of a token.
            message = "a token is 16 to 512 letters, digits and -._~+/= characters"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _access(self) -> Self:
        """Refuse what would show or do more to others than was meant."""
        if self.http_token is None:
            if not self.loopback:
                message = (
                    f"ROLLCALL_HTTP_HOST={self.http_host!r} is not a loopback address: with it, whoever reaches the "
                    "port sees and acts. Set ROLLCALL_HTTP_TOKEN, or listen on 127.0.0.1"
                )
                raise ValueError(message)
            if self.http_read_token is not None:
                message = "ROLLCALL_HTTP_READ_TOKEN needs ROLLCALL_HTTP_TOKEN beside it: nobody could act otherwise"
                raise ValueError(message)
        elif self.http_token == self.http_read_token:
            message = "ROLLCALL_HTTP_READ_TOKEN is the same as ROLLCALL_HTTP_TOKEN: whoever reads could act"
            raise ValueError(message)
        return self

    @property
    def loopback(self) -> bool:
        """Whether HTTP listens to this machine only."""
        return self.http_host == "localhost" or ipaddress.ip_address(self.http_host).is_loopback

    @property
    def canonical_url(self) -> str:
        """How other workers reach this one's HTTP; its port is 0 where there is none.

        Listening on all addresses, a worker is known by its host name.
        """
        if self.http_url is not None and self.http_port:
            return self.http_url.rstrip("/")
        host = self.http_host
        if host != "localhost" and ipaddress.ip_address(host).is_unspecified:
            host = socket.gethostname()
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}"
