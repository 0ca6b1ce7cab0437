"""moto as a server: an S3 that lives in memory and checks neither signatures nor checksums. Never proof of a guarantee.

It is among the contract's servers because others test with it: what Postcard relies on and moto lacks is named.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.servers.stores import S3Server


@pytest.fixture(scope="session")
def moto(cloud_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An empty one, for the session."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("moto")
    environment = {"PATH": os.defpath, "HOME": str(folder)}
    command: list[str | Path] = [cloud_tools / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            while server.poll() is None and not _answers(port):
                time.sleep(0.1)
            assert server.poll() is None, (folder / "log").read_text()
            yield S3Server("moto", f"http://127.0.0.1:{port}", access_key="key", secret_key="secret")
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False, timeout=5.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False
