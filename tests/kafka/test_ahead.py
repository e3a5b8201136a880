"""Java's ahead-of-time cache: used where it is, never needed, never harmful."""

import subprocess
from pathlib import Path

import pytest

from demo.kafka import ahead
from demo.kafka.java import find_java
from demo.kafka.rehearsal import make


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache would be kept, in a directory of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = ahead.cache_file(find_java())
    found.parent.mkdir(parents=True)
    return found


def test_without_a_cache_java_gets_no_option_and_with_one_it_is_named(place: Path) -> None:
    assert ahead.cached(find_java()) == []
    place.touch()
    assert f"-XX:AOTCache={place}" in ahead.cached(find_java())
    assert make() == place, "what is there is not made again"


def test_other_jars_another_java_and_another_rehearsal_have_a_cache_of_their_own(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / "bin" / "java"
    assert ahead.cache_file(other) != place
    for name in ("LOCK_FILE", "_REHEARSAL"):
        file = tmp_path / name
        file.write_text("other jars, or other requests")
        with monkeypatch.context() as patched:
            patched.setattr(ahead, name, file)
            assert ahead.cache_file(find_java()) != place, name


@pytest.mark.parametrize("option", ["AOTCache", "AnOptionOfALaterJava"])
def test_java_starts_with_a_cache_that_is_broken_and_where_it_knows_none(place: Path, option: str) -> None:
    place.write_bytes(b"half of a cache")
    java = find_java()
    given = ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:{option}={place}"]
    assert given[0] in ahead.cached(java)
    assert subprocess.run([java, *given, "-version"], check=False, capture_output=True).returncode == 0
