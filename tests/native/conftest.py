"""These tests hold the native part to its Python twin; where it is not built, they are skipped, and say so."""

import pytest

from app import native

BUILT = native.AVAILABLE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not BUILT:
        skip = pytest.mark.skip(reason=native.WHY_NOT)
        for item in items:
            if "tests/native" in str(item.path) and item.path.stem not in {"test_choice", "test_building"}:
                item.add_marker(skip)
