"""Workers on directories of their own, closed afterwards.

Records come to them as the worker that runs here gets them (:func:`tests.support.indexed.as_fetched`); the tests of
:data:`OF_BOTH` run with the Python twin as well, where the native part is built.
"""

import os
from collections.abc import Iterator

import pytest

from app import native
from app.engine.state.store import Store
from tests.agents.log import MakeWorker, Worker

OF_BOTH = {"test_join_chunks", "test_join_dead_letters", "test_join_inputs", "test_join_poison", "test_watermarks"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if native.AVAILABLE and metafunc.module.__name__.rpartition(".")[2] in OF_BOTH:
        metafunc.fixturenames.append("part")
        metafunc.parametrize("part", ["native", "python"], indirect=True)


@pytest.fixture
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The native part, or its twin."""
    if request.param == "python":
        monkeypatch.setattr(native, "AVAILABLE", False)


@pytest.fixture
def make_worker(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorker]:
    for name in list(os.environ):
        if name.startswith("ROLLCALL_"):
            monkeypatch.delenv(name)
    directory = tmp_path_factory.mktemp("worker")
    stores: list[Store] = []

    def make(**settings: object) -> Worker:
        stores.append(Store(directory / str(len(stores))))
        stores[-1].open()
        return Worker(stores[-1], **settings)  # type: ignore[arg-type]

    yield make
    for store in stores:
        store.close()
