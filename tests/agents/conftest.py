"""Workers on directories of their own, closed afterwards."""

import os
from collections.abc import Iterator

import pytest

import agents.acts
import agents.carry
import agents.letters
from app.engine.store import Store
from tests.agents.log import MakeWorker, Worker


class Lines(list[str]):
    """A logger that keeps the events of its lines: hundreds of examples would print thousands of them."""

    def warning(self, event: str, **_: object) -> None:
        self.append(event)

    error = warning


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    found = Lines()
    for module in (agents.acts, agents.carry, agents.letters):
        monkeypatch.setattr(module, "log", found)
    return found


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
