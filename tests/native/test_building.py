"""`run.py` builds the native part where it can, says in a line where it can't, and does neither twice."""

from pathlib import Path

import pytest

import run

CARGO = """#!/bin/sh
echo "   Compiling something v1.0.0"
echo built >> {built}
exit {status}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with sources, and a search path with nothing on it."""
    for folder in ("native/src", "native/target/release", "app/native", "venv", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "native/Cargo.toml").write_text("[package]")
    (tmp_path / "native/Cargo.lock").write_text("[[package]]\n[[package]]\n")
    (tmp_path / "native/src/lib.rs").write_text("//! Something.")
    (tmp_path / "native/target/release/librollcall_native.so").write_text("made")
    monkeypatch.setattr(run, "NATIVE", tmp_path / "native")
    monkeypatch.setattr(run, "BUILT", tmp_path / "native/target/release/librollcall_native.so")
    monkeypatch.setattr(run, "MODULE", tmp_path / "app/native/_native.abi3.so")
    monkeypatch.setattr(run, "VENV", tmp_path / "venv")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return tmp_path


def with_cargo(checkout: Path, status: int = 0) -> None:
    (checkout / "bin/cargo").write_text(CARGO.format(built=checkout / "times", status=status))
    (checkout / "bin/cargo").chmod(0o755)


def times(checkout: Path) -> int:
    return len((checkout / "times").read_text().split())


def test_it_is_built_once_for_each_state_of_its_sources(checkout: Path) -> None:
    with_cargo(checkout)
    run.make_native()
    run.make_native()
    assert times(checkout) == 1
    assert run.MODULE.read_text() == "made"
    (checkout / "native/src/lib.rs").write_text("//! Something else.")
    run.make_native()
    assert times(checkout) == 2


def test_without_a_toolchain_a_line_says_what_runs_and_what_was_built_before_is_gone(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.MODULE.write_text("made of other sources")
    run.make_native()
    run.make_native()
    assert capsys.readouterr().err.count("\n") == 1
    assert not run.MODULE.exists()
    with_cargo(checkout)
    run.make_native()
    assert run.MODULE.exists()


def test_a_build_that_fails_is_shown_and_not_tried_again_before_the_sources_change(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_cargo(checkout, status=1)
    run.make_native()
    run.make_native()
    assert times(checkout) == 1
    assert not run.MODULE.exists()
    assert "the native part could not be built" in capsys.readouterr().err


def test_it_is_built_beside_the_packages_where_these_must_be_installed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, lock = checkout / "venv/python", checkout / "requirements.lock"
    lock.touch()
    monkeypatch.setattr(run, "PYTHON", python)
    monkeypatch.setattr(run, "LOCK", lock)
    with run.building_aside():  # nor is anything lacking without a toolchain
        pass
    with_cargo(checkout)
    with run.building_aside():
        pass
    assert times(checkout) == 1
    python.touch()
    run.stamp("dependencies", lock)
    with run.building_aside():
        pass
    assert times(checkout) == 1, "with the packages in place there is nothing to do meanwhile"
