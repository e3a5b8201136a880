"""Java is compiled once for each content, and what does not compile is told with what the compiler says."""

import os
import subprocess
from pathlib import Path

import pytest

from demo.kafka import KafkaError, compiler
from demo.kafka.compiler import LOCK, compiled
from demo.kafka.jars import class_path
from demo.kafka.java import find_java

pytestmark = pytest.mark.kafka  # the first run fetches the jars

SOURCE = "import org.slf4j.Logger;\npublic class Says { public static void main(String[] a) { new Other().say(); } }\n"
OTHER = 'class Other { void say() { System.out.println("said " + org.slf4j.Logger.ROOT_LOGGER_NAME); } }\n'


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, with the compiler and one jar to compile against."""
    (jar,) = (jar for jar in class_path() if jar.name.startswith("slf4j-api"))
    kept = [jar, *class_path(lock=LOCK)]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = tmp_path / "rollcall" / "kafka"
    directory.mkdir(parents=True)
    for path in kept:
        (directory / path.name).symlink_to(path)
    return directory


def sources(home: Path, *texts: str) -> list[Path]:
    home.mkdir(exist_ok=True)
    paths = [home / f"{name}.java" for name in ("Says", "Other")[: len(texts)]]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    return paths


def test_what_is_compiled_runs_and_is_compiled_once(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jars = list(cache.glob("slf4j-api*"))
    first = compiled(sources(tmp_path / "one", SOURCE, OTHER), jars)
    command = [str(find_java()), "-cp", os.pathsep.join(map(str, [first, *jars])), "Says"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "said ROOT\n"
    with monkeypatch.context() as patch:
        patch.setattr(compiler, "find_java", lambda: Path("nothing-to-run"))
        assert compiled(sources(tmp_path / "elsewhere", SOURCE, OTHER), jars) == first
    assert compiled(sources(tmp_path / "two", SOURCE, OTHER.replace("said", "told")), jars) != first
    assert not list(cache.glob(".classes-*"))


def test_what_does_not_compile_is_told_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(KafkaError, match=r"(?s)do not compile.*Says\.java.*Other cannot be resolved"):
        compiled(sources(tmp_path / "one", SOURCE), list(cache.glob("slf4j-api*")))
    assert not list(cache.glob("*classes*"))
