"""Pinning images to digests: by a stand-in for `docker`, since a registry is no part of the tests."""

import re
from pathlib import Path

import pytest
import yaml

from ops import pin
from tests.support.worker import ROOT

DIGEST = "sha256:" + "ab" * 32
NEWER = "sha256:" + "cd" * 32


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program `docker` before all others, which notes what it was asked."""
    folder.mkdir(exist_ok=True)
    (folder / "docker").write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def copies(tmp_path: Path) -> list[Path]:
    found = [tmp_path / path.name for path in pin.FILES]
    for path, copy in zip(pin.FILES, found, strict=True):
        copy.write_text(re.sub(r"@sha256:[0-9a-f]{64}", "", path.read_text()))
    return found


def test_every_image_of_others_gets_its_digest_and_ours_none(
    copies: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path / "bin", monkeypatch, f"echo {DIGEST}")
    assert pin.main(copies) == 0
    dockerfile, compose = (path.read_text() for path in copies)
    assert f"ARG PYTHON_IMAGE=python:3.13-slim-bookworm@{DIGEST}\n" in dockerfile
    for service in yaml.safe_load(compose)["services"].values():
        ours = service["image"].startswith("rollcall")
        assert service["image"].endswith(DIGEST) is not ours
    asked = (tmp_path / "bin/asked").read_text().splitlines()
    assert len(asked) == len(set(asked)) == 5
    assert all(line.startswith("buildx imagetools inspect ") for line in asked)


def test_run_again_it_moves_every_image_on(copies: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path / "bin", monkeypatch, f"echo {DIGEST}")
    assert pin.main(copies) == 0
    docker(tmp_path / "bin", monkeypatch, f"echo {NEWER}")
    assert pin.main(copies) == 0
    text = "".join(path.read_text() for path in copies)
    assert text.count(NEWER) == 5
    assert DIGEST not in text


def test_where_one_can_not_be_had_nothing_is_changed_and_the_line_says_which(
    copies: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [path.read_text() for path in copies]
    docker(
        tmp_path / "bin", monkeypatch, f'case "$*" in *prometheus*) echo no such host >&2; exit 1;; esac; echo {DIGEST}'
    )
    assert pin.main(copies) == 1
    assert [path.read_text() for path in copies] == before
    assert capsys.readouterr().err == "nothing was changed: prom/prometheus:v3.5.0: no such host\n"


def test_every_base_of_the_image_is_the_one_that_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"${RUST_IMAGE}", "${PYTHON_IMAGE}", "worker"}
