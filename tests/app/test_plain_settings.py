"""Settings are read as pydantic-settings reads them, without its questions about each field."""

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic_settings import BaseSettings
from pydantic_settings.sources.utils import _annotation_is_complex

from app.settings import PREFIX, Settings


class AsOfTheLibrary(Settings):
    """The same fields from the library's own sources."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:  # type: ignore[override]  # by name
        return BaseSettings.settings_customise_sources(settings_cls, **sources)


def test_no_field_is_more_than_the_text_of_one_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert not _annotation_is_complex(cast("Any", field.annotation), field.metadata), name
        assert (field.alias, field.validation_alias) == (None, None), name


def test_the_settings_are_those_of_the_librarys_own_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given counts before the environment, and that before the file; names in any case."""
    monkeypatch.chdir(tmp_path)
    lines = ("BROKER=of.the.file:1", "APP_ID=of-the-file", "LOG_FORMAT=json", "PARTITIONS=7", "UNKNOWN_TO_ALL=1")
    (tmp_path / ".env").write_text("".join(f"{PREFIX}{line}\n" for line in lines) + "HOME=/nowhere\nALONE\n")
    monkeypatch.setenv("rollcall_app_id", "of-the-environment")
    monkeypatch.setenv(f"{PREFIX}HTTP_TOKEN", "secret-of-some-length-0123456789")
    monkeypatch.setenv(f"{PREFIX}DATADIR", "here")
    monkeypatch.setenv(f"{PREFIX}LOG_FORMAT", "console")
    ours = Settings(partitions=9)
    assert ours.model_dump() == AsOfTheLibrary(partitions=9).model_dump()
    assert (ours.broker, ours.app_id, ours.partitions) == ("of.the.file:1", "of-the-environment", 9)
    assert ours.datadir == Path("here")
