"""For tests of the engine: a store of each kind, and a PostgreSQL that is started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.store import Store, open_store
from tests.engine.postgres import Cluster, cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL 15 of this test run alone."""
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store may be made that is not there yet: a file, then a database."""
    if request.param == "sqlite":
        return tmp_path / "deep" / "store.sqlite"
    running: Cluster = request.getfixturevalue("postgres")
    return running.new_database()


@pytest.fixture
def store(address: Path | str) -> Iterator[Store]:
    """An open store of each kind."""
    opened = open_store(address)
    yield opened
    opened.close()
