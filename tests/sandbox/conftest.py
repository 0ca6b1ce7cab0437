"""A sandbox and a callback for this folder's tests."""

from collections.abc import Iterator

import pytest

from tests.sandbox.pictures import MediaHost, running_host
from tests.servers.callback import Callback, running_callback
from tests.servers.sandbox import RunningSandbox


@pytest.fixture
def callback() -> Iterator[Callback]:
    with running_callback() as running:
        yield running


@pytest.fixture
def quick(sandbox: RunningSandbox, callback: Callback) -> RunningSandbox:
    """The sandbox, fresh, with small delays, reporting to ``callback``."""
    sandbox.reset(callback_url=callback.url, forwarded_seconds=0.05, retrieved_seconds=0.1, report_retry_seconds=0.05)
    return sandbox


@pytest.fixture
def media() -> Iterator[MediaHost]:
    with running_host() as running:
        yield running
