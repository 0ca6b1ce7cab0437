"""A real S3 server for the session, and stores on it. A pytest plugin: name it in ``pytest_plugins``."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import settings
from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from tests.servers.stores import make_store

__all__ = ["Sample", "make_store", "s3_section", "sample", "seaweed", "store"]


@dataclass(frozen=True)
class Sample:
    """A file on disk, and what it is."""

    path: Path
    sha256: str
    content: bytes


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The embedded store, with the bucket ``media`` as ``postcard bucket apply --public`` makes it."""
    with EmbeddedStore(tmp_path_factory.mktemp("seaweed")) as running:
        s3 = settings.S3(endpoint_url=running.endpoint_url)
        store = make_store(running, s3)
        plan = BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=True)
        apply_bucket(store.client, plan)
        yield running


@pytest.fixture
def s3_section(seaweed: EmbeddedStore) -> settings.S3:
    """The S3 settings of a test: the session's bucket, under prefixes that no other test uses."""
    own = secrets.token_hex(6)
    return settings.S3(
        endpoint_url=seaweed.endpoint_url, media_prefix=f"m/{own}/", originals_prefix=f"originals/{own}/"
    )


@pytest.fixture
def store(seaweed: EmbeddedStore, s3_section: settings.S3) -> S3Store:
    """A store for one test: real, empty, public at ``media_prefix``."""
    return make_store(seaweed, s3_section)


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[int], Sample]:
    """Make a file of so many random bytes."""

    def make(size: int = 1000) -> Sample:
        content = secrets.token_bytes(size)
        path = tmp_path / f"sample-{secrets.token_hex(4)}"
        path.write_bytes(content)
        return Sample(path, hashlib.sha256(content).hexdigest(), content)

    return make
