"""The settings as they are read: of the environment and ``.env``, every wrong one named."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from app import dot_env
from app.errors import OperatorError
from app.plain_settings import PlainSettings
from app.settings import PREFIX, Settings

#: What is read elsewhere under the same prefix: by tests, and before there are settings.
_NO_SETTINGS = frozenset(
    f"{PREFIX}{name}" for name in ("PURE", "TEST_BUILDAH", "CRASH_EVERY", "CRASH_SEEDS", "CRASH_PAIRS", "JSON_LOGS")
)

#: Settings whose value is never written anywhere.
_SECRETS = frozenset(name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)


class SettingsError(OperatorError):
    """A setting can't be used. The message names every wrong one, its value and what is allowed."""


class _LogFormat(PlainSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=dot_env.ENV_FILE, extra="ignore")
    log_format: str | None = None


def json_logs_wanted() -> bool:
    """:attr:`app.settings.Settings.json_logs`, also where some setting is wrong, that one included."""
    try:
        lost = dot_env.wrong(Path(dot_env.ENV_FILE), PREFIX)
        chosen = _LogFormat().log_format if lost is None else None
    except (ValueError, OSError):
        chosen = None
    return chosen == "json" or (chosen != "console" and not sys.stderr.isatty())


def load(given: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the environment, by field, and before them those that are ``given``.

    Raises SettingsError, which names every wrong one.
    """
    try:
        lost = dot_env.wrong(Path(dot_env.ENV_FILE), PREFIX)
        if lost is not None:
            raise SettingsError(lost)
        return Settings(**given or {})
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        message = "wrong settings:\n  " + "\n  ".join(lines)
        raise SettingsError(message) from None
    except (OSError, UnicodeError) as error:
        message = f".env can't be read: {error}"
        raise SettingsError(message) from None


def _line(problem: Any) -> str:
    """What is wrong with a setting, by its name. The value of a secret is not shown."""
    if not problem["loc"]:  # what settings are together
        return str(problem["ctx"]["error"])
    field = "_".join(map(str, problem["loc"]))
    shown_value = f"={problem['input']!r}" if field not in _SECRETS else ""
    return f"{PREFIX}{field.upper()}{shown_value}: {problem['msg']}"


def unknown(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of the environment, and of ``.env``, that look like settings and are none: likely misspelt.

    Each with what may be meant. Not wrong: a newer release may have it, and one environment may serve two.
    """
    given = {**dotenv_values(dot_env.ENV_FILE), **environment}
    names = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    return dot_env.unknown(names, {name: given[name] for name in given.keys() - _NO_SETTINGS}, PREFIX)
