"""Workers on directories of their own, closed afterwards."""

import os
from collections.abc import Iterator

import pytest

from app.engine.state.store import Store
from tests.agents.log import MakeWorker, Worker


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
