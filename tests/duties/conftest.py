"""The path on both databases."""

from collections.abc import Iterator

import pytest

from app.confine import DecoderPool
from app.duties.postcard import Postcard
from app.host.s3 import S3Store
from app.records.database import Database
from app.settings import Settings
from tests.conftest import assembled
from tests.servers.sandbox import RunningSandbox


@pytest.fixture
def either(
    settings: Settings, store: S3Store, sandbox: RunningSandbox, decoders: DecoderPool, database_url: str
) -> Iterator[Postcard]:
    """The path on SQLite and on PostgreSQL in turn."""
    sandbox.reset()
    spool_dir = settings.data.dir / "spool"
    spool_dir.mkdir(parents=True)
    yield from assembled(settings, Database(database_url, busy_seconds=5), store, decoders, spool_dir)
