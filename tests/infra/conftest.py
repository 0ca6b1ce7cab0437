"""Tools for infrastructure: an environment of their own, and an AWS that runs on this machine."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "infra" / "aws"
_READ = "import json, sys; from cfnlint.decode import decode; print(json.dumps(decode(sys.argv[1])[0]))"


@dataclass(frozen=True)
class Cloud:
    """An emulated AWS; ``options`` are for ``boto3.client``."""

    port: int

    @property
    def options(self) -> dict[str, str]:
        """Endpoint, region and credentials."""
        return {
            "endpoint_url": f"http://127.0.0.1:{self.port}",
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }

    def client(self, service: str) -> Any:
        """A boto3 client for ``service``."""
        return boto3.client(service, **self.options)  # type: ignore[call-overload]  # -- services beyond S3 have no stubs here


def _read(cloud_tools: Path, name: str) -> dict[str, Any]:
    command: list[str | Path] = [cloud_tools / "python", "-c", _READ, TEMPLATES / name]
    read: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return read


@pytest.fixture(scope="session")
def media_template(cloud_tools: Path) -> dict[str, Any]:
    """infra/aws/media.yaml with its short forms (!Ref ...) written out."""
    return _read(cloud_tools, "media.yaml")


@pytest.fixture(scope="session")
def egress_template(cloud_tools: Path) -> dict[str, Any]:
    """infra/aws/egress.yaml, likewise."""
    return _read(cloud_tools, "egress.yaml")


@pytest.fixture(scope="session")
def cloud(cloud_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A fresh emulated AWS on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("cloud")
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
    }
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([cloud_tools / "ministack"], cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_until_ready(server, port, folder / "log")
            yield Cloud(port)
        finally:
            server.terminate()


def _wait_until_ready(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    while server.poll() is None:
        try:
            urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False, timeout=2.0)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"ministack ended at once: {log.read_text()}")
