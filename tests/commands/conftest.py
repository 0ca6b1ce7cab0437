"""What the commands' tests share."""

from pathlib import Path

import pytest

from tests.servers.tls import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only we trust, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))
