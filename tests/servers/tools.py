"""Programs for tests in environments of their own, since what they pin differs from what Postcard pins."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.once import only_one_installs

LOCKS = Path(__file__).parents[2] / "infra" / "locks"


@pytest.fixture(scope="session")
def cloud_tools() -> Path:
    """The folder of cfn-lint, guardpycfn, ministack and moto_server."""
    return installed("cloud-tools")


@pytest.fixture(scope="session")
def checkov() -> Path:
    """The program checkov, which pins a boto3 of its own."""
    return installed("checkov") / "checkov"


def installed(name: str) -> Path:
    """Install what ``infra/locks/NAME.txt`` names, by hash, when it has changed; give the folder of programs."""
    lock = LOCKS / f"{name}.txt"
    venv = Path(sys.prefix) / name
    stamp = venv / hashlib.sha256(lock.read_bytes()).hexdigest()
    with only_one_installs(name):
        if not stamp.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
            pip: list[str | Path] = [
                venv / "bin" / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            subprocess.run([*pip, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock], check=True)
            stamp.touch()
    return venv / "bin"
