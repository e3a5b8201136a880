"""`run.py` has uv install the packages, told of an index as pip is, and pip where uv can't."""

import os
from pathlib import Path

import pytest

import run

PYTHON = """#!/bin/sh
[ "$3" = config ] && {{ cat {settings}; exit 0; }}
echo "pip $* ${{PYTHONDONTWRITEBYTECODE-}}" >> {log}
{has_uv} && cp {program} {uv}
{has_uv}
"""
UV = """#!/bin/sh
echo "uv $* $UV_DEFAULT_INDEX $SSL_CERT_FILE" >> {log}
echo "Resolved 2 packages" >&2
echo " + some-package" >&2
exit {status}
"""


class Fake:
    """An environment whose Python and uv only note how they were called."""

    def __init__(self, home: Path) -> None:
        self.home, self.log, self.uv = home, home / "log", home / "bin/uv"
        (home / "bin").mkdir()
        self.make()

    def make(self, *, has_uv: bool = True, status: int = 0, settings: str = "") -> None:
        """Whether pip finds a uv, with what that ends, and what pip is set to."""
        files = {"log": self.log, "uv": self.uv, "program": self.home / "program", "settings": self.home / "settings"}
        files["settings"].write_text(settings)
        files["program"].write_text(UV.format(status=status, **files))
        (self.home / "bin/python").write_text(PYTHON.format(has_uv=str(has_uv).lower(), **files))
        for name in ("program", "bin/python"):
            (self.home / name).chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setattr(run, "VENV", tmp_path)
    monkeypatch.setattr(run, "PYTHON", tmp_path / "bin/python")
    for name in ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", run.NO_BYTECODE):
        monkeypatch.delenv(name, raising=False)
    return Fake(tmp_path)


def test_uv_is_fetched_once_by_its_hashes_and_installs_the_rest(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.uv("-r", "some.lock")
    assert run.uv("--editable", ".")
    first, *others = fake.calls
    assert first.startswith("pip -m pip install ")
    assert "--require-hashes" in first.split()
    own = Path(first.split()[-1]).read_text()
    assert own.startswith("uv==")
    assert own in run.LOCK.read_text()
    assert own.count("==") == 1
    assert own.count("--hash=sha256:") > 1
    told = f"uv pip install --no-progress --python {fake.home}/bin/python"
    assert [line.rstrip() for line in others] == [f"{told} -r some.lock", f"{told} --editable ."]
    assert "some-package" not in capsys.readouterr().err


def test_pip_takes_over_where_there_is_no_uv_or_where_it_fails(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.make(has_uv=False)
    assert not run.uv("-r", "some.lock")
    fake.make(status=2)
    assert not run.uv("-r", "some.lock")
    assert "pip does it instead" in capsys.readouterr().err


def test_uv_is_told_what_pip_is_set_to(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two the environment's, as with pip; and uv's own settings before either."""
    file = "global.index-url='https://file.example/simple'\nglobal.timeout='60'\nglobal.cert='/own.pem'\n"
    fake.make(settings=f":env:.index-url='https://mine.example/simple'\n{file}")
    assert run.uv("-r", "some.lock")
    assert fake.calls[-1].endswith(" https://mine.example/simple /own.pem")
    fake.make(settings=file)
    monkeypatch.setenv("SSL_CERT_FILE", "/another.pem")
    assert run.uv("-r", "some.lock")
    assert fake.calls[-1].endswith(" https://file.example/simple /another.pem")
    assert "UV_DEFAULT_INDEX" not in os.environ


def test_what_a_worker_imports_is_compiled_and_kept_whatever_the_environment_says(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(run.NO_BYTECODE, "1")
    run.keep_compiled()
    assert [line.rstrip() for line in fake.calls] == ["pip -c import app.main, faust.cli.faust"]
    assert run.NO_BYTECODE in os.environ, "as it was"
