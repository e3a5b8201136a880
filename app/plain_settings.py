"""Settings of which each is the text of one variable.

pydantic-settings asks of every field of every source whether it is more than that: nine tenths of what reading the
settings takes, and a thirtieth of a worker's start.
"""

from typing import Any, cast

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource


class PlainSettings(BaseSettings):
    """Settings from what is given, the environment and ``.env``; what comes first counts.

    As of pydantic-settings, but no field may have an alias, or a type whose text would be parsed as JSON.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the sources know it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, the first one counts most."""
        return init_settings, _Plain(env_settings), _Plain(dotenv_settings), file_secret_settings


class _Plain(PydanticBaseSettingsSource):
    """The variables of a source, of the environment or of a file, as they stand there."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        variables = cast("EnvSettingsSource", source)
        names = {f"{variables.env_prefix}{field}".lower(): field for field in self.settings_cls.model_fields}
        self._texts = {
            names[name]: text for name, text in variables.env_vars.items() if name in names and text is not None
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - asked so
        return self._texts.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._texts)
