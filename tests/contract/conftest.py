"""The servers on which the store's contract is tried, and what each is known not to do."""

import secrets

import pytest

from app import settings
from app.host.bucket import BucketPlan, apply_bucket
from app.host.s3 import S3Store
from tests.contract.differences import CANNOT, MAY_FAIL
from tests.servers.stores import S3Server, make_store

SERVERS = ("seaweed", "ceph", "moto")


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> S3Server:
    """A server with the bucket ``media`` as ``postcard bucket apply --public`` makes it; each test runs on every one."""
    running = request.getfixturevalue(request.param)
    s3 = settings.S3(endpoint_url=running.endpoint_url)
    server = S3Server(request.param, running.endpoint_url, running.access_key, running.secret_key)
    plan = BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=True)
    apply_bucket(make_store(server, s3).client, plan)
    return server


@pytest.fixture
def own_section(server: S3Server) -> settings.S3:
    """The S3 settings of a test on ``server``, under prefixes that no other test uses."""
    own = secrets.token_hex(6)
    return settings.S3(endpoint_url=server.endpoint_url, media_prefix=f"m/{own}/", originals_prefix=f"originals/{own}/")


@pytest.fixture
def own_store(server: S3Server, own_section: settings.S3) -> S3Store:
    """A store on ``server`` for one test."""
    return make_store(server, own_section)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect of each server what is known of it: a difference that goes away fails the test, too."""
    for item in items:
        if item.path.name != "test_store.py":
            continue
        for known, strict in ((CANNOT, True), (MAY_FAIL, False)):
            if item.name in known:
                item.add_marker(pytest.mark.xfail(strict=strict, reason=known[item.name]))
