"""The sandbox as a process of its own on a free port, for every test that needs a gateway.

A plugin, named in the root conftest. ``sandbox`` is one process for the session; call ``sandbox.reset(callback_url=...)``
first in each test. PYTEST_DONT_REWRITE: conftest files import names from here before the plugin is registered.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

_ROOT = Path(__file__).parents[2]
_PROGRAM = """
import json, sys
from app.sandbox.options import SandboxOptions
from app.sandbox.serve import run_sandbox
port, options, tls = int(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
run_sandbox("127.0.0.1", port, SandboxOptions(**options), **tls)
"""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at ``url``; ``endpoint`` is where messages are sent to."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        """Give the send URL."""
        return f"{self.url}/mms/v2/send"

    def call(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        """Call its API; gives the JSON answer."""
        answer = requests.request(method, f"{self.url}/sandbox/api{path}", json=values, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def reset(self, **options: Any) -> None:
        """Forget everything and set options, such as ``callback_url`` or ``forwarded_seconds=0.0``."""
        self.call("DELETE", "")
        if options:
            self.call("PATCH", "/options", options)

    def add_fault(self, kind: str, **facts: Any) -> None:
        """Let something go wrong, such as ``add_fault("refuse", code=15406, times=3)``."""
        self.call("POST", "/faults", {"kind": kind, **facts})

    def messages(self, destination: str = "") -> list[dict[str, Any]]:
        """Give what arrived, the oldest first, whole."""
        return [self.call("GET", f"/messages/{each['request_id']}") for each in self.listed(destination)]

    def listed(self, destination: str = "") -> list[dict[str, Any]]:
        """List what arrived, the oldest first, in short."""
        listed: list[dict[str, Any]] = self.call("GET", f"/messages?limit=10000&destination={destination}")["items"]
        return listed[::-1]

    def counts(self) -> dict[str, Any]:
        """Count by destination: ``counts()["accepted"]["12515550130"]``."""
        counted: dict[str, Any] = self.call("GET", "/counts")
        return counted


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running_sandbox(certificate: tuple[Path, Path] | None = None, **options: Any) -> Iterator[RunningSandbox]:
    """Run a sandbox with these options until the block ends; over TLS with a certificate and its key."""
    port = free_port()
    tls = {"certfile": str(certificate[0]), "keyfile": str(certificate[1])} if certificate else {}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(port), json.dumps(options), json.dumps(tls)], cwd=_ROOT
    )
    running = RunningSandbox(f"{'https' if certificate else 'http'}://127.0.0.1:{port}", process)
    try:
        _wait_until_ready(running)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(running: RunningSandbox) -> None:
    deadline = time.monotonic() + 30
    host, _, port = running.url.partition("://")[2].partition(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError:
            assert running.process.poll() is None, "the sandbox ended"
            assert time.monotonic() < deadline, "the sandbox does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """One sandbox for the session; reset it at the start of a test."""
    with running_sandbox() as running:
        yield running
