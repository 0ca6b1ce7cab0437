"""What tests share: real servers, one of each for the session, and the path put together on them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.confine import DecoderPool
from app.duties.postcard import Postcard
from app.duties.recipients import senders_of
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.records.database import Database
from app.records.migrate import migrate
from app.records.senders import sync_senders
from app.settings import S3, Settings, read_settings
from app.wiring import completed, make_decoders, make_gateway
from tests.path import Announced
from tests.servers.sandbox import RunningSandbox

pytest_plugins = [
    "tests.servers.seaweed",
    "tests.servers.ceph",
    "tests.servers.tools",
    "tests.servers.moto",
    "tests.servers.sandbox",
    "tests.servers.databases",
]

SOURCES = "US:88600/config1,GB:447700900750/config2,IE:50123/config3,AU:61491570006/config4"


def pytest_configure() -> None:
    """Keep what the developer's own shell sets out of the tests."""
    for name in [name for name in os.environ if name.startswith("POSTCARD_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """One warm pool for the session."""
    pool = make_decoders(read_settings({})[0])
    yield pool
    pool.close()


@pytest.fixture
def settings(tmp_path: Path, s3_section: S3, sandbox: RunningSandbox) -> Settings:
    """The settings of a test: its own prefixes in the session's bucket, and the session's sandbox as gateway."""
    read, _ = read_settings(
        {
            "POSTCARD_DATA_DIR": str(tmp_path / "data"),
            "POSTCARD_OPENMARKET_ENDPOINTS": sandbox.endpoint,
            "POSTCARD_OPENMARKET_ACCOUNT_ID": "sandbox",
            "POSTCARD_OPENMARKET_PASSWORD": "sandbox",
            "POSTCARD_OPENMARKET_SOURCES": SOURCES,
            "POSTCARD_OPENMARKET_TPS": "1000",
            "POSTCARD_CALLBACK_SECRET": "callback-secret-of-the-tests",
            "POSTCARD_SECRET_KEY": "the key of the tests, long enough to sign",
            "POSTCARD_WEB_BASE_URL": "http://127.0.0.1:8000",
        }
    )
    return completed(replace(read, s3=s3_section))


@pytest.fixture
def post(
    settings: Settings, seaweed: EmbeddedStore, store: S3Store, sandbox: RunningSandbox, decoders: DecoderPool
) -> Iterator[Postcard]:
    """The path on SQLite, SeaweedFS and the sandbox; jobs are done by ``tests.path.work_off``."""
    del seaweed
    sandbox.reset()
    spool_dir = settings.data.dir / "spool"
    spool_dir.mkdir(parents=True)
    database = Database(settings.database.url, busy_seconds=2)
    yield from assembled(settings, database, store, decoders, spool_dir)


def assembled(
    settings: Settings, database: Database, store: S3Store, decoders: DecoderPool, spool_dir: Path
) -> Iterator[Postcard]:
    """Put the path together on one database, and close it after the test."""
    migrate(database)
    with database.write() as connection:
        sync_senders(connection, senders_of(settings.openmarket), at=database.now(connection))
    gateway = make_gateway(settings)
    yield Postcard(
        settings=settings,
        database=database,
        store=store,
        gateway=gateway,
        queue=Announced(),
        decoders=decoders,
        spool_dir=spool_dir,
    )
    gateway.close()
    database.close()
