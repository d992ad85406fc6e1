"""Which fixtures do all tests share?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import structlog

from tests import databases


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Take back what a command under test set up: it logs to a stream that ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Servers]:
    """The PostgreSQL servers of this test process, started when first wanted."""
    servers = databases.Servers(tmp_path_factory.mktemp("postgres"))
    yield servers
    servers.close()


@pytest.fixture
def fresh_database(postgres_servers: databases.Servers) -> Iterator[Callable[[str], str]]:
    """Make migrated databases on a server of `databases.NAMES`; gives their admin URL."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(postgres_servers.create(name))
        return made[-1]

    yield make
    for url in made:
        postgres_servers.drop(url)


@pytest.fixture(params=databases.NAMES)
def postgres(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> str:
    """The administrator's URL of a fresh, migrated database; the test runs once on each version."""
    return fresh_database(request.param)


@pytest.fixture
def wheel_postgres(fresh_database: Callable[[str], str]) -> str:
    """Like `postgres`, on the first version only: for tests that are slow and not about SQL."""
    return fresh_database(databases.NAMES[0])
