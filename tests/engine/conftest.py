"""For tests of the engine: the edge's program, a store of each kind, a PostgreSQL started when a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.edge import Installation, prepare
from assay.errors import InfrastructureError
from assay.store import Store, open_store
from tests.conftest import REQUIRE_ALL
from tests.engine.postgres import Cluster, cluster


@pytest.fixture(scope="session")
def installation() -> Installation:
    """Java and the WireMock jar, fetched by npm where they are missing, so that no test of the edge is passed over.

    Where even npm cannot (no network), they are skipped with its reason, and fail under ASSAY_REQUIRE_ALL=1.
    """
    try:
        return prepare()
    except InfrastructureError as error:
        if os.environ.get(REQUIRE_ALL) == "1":
            raise
        pytest.skip(str(error))


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
