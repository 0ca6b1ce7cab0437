"""Postcard itself as processes: web and workers on the session's store and sandbox, and a client for its API."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from app.host.embedded import EmbeddedStore
from tests.servers.sandbox import RunningSandbox, free_port

_ROOT = Path(__file__).parents[2]
SECRET = "callback-secret-of-the-tests"
_UPLOAD = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n'
    + b"no picture " * 100
    + b"\r\n--b--\r\n"
)


@dataclass
class RunningPostcard:
    """Web and workers with their environment; ``token`` opens the API."""

    folder: Path
    environment: dict[str, str]
    url: str
    token: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def callback_url(self) -> str:
        """Where the sandbox posts reports."""
        return f"{self.url}/callbacks/openmarket/{SECRET}"

    def command(self, *words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a `postcard` command in this environment until it ends."""
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            env=self.environment,
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=check,
            input=stdin,
            timeout=120,
        )

    def start(self, name: str, command: str) -> subprocess.Popen[bytes]:
        """Start a serving command; its log goes into the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "app", command], env=self.environment, cwd=_ROOT, stdout=log, stderr=log
            )
        return self.processes[name]

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        """End every process in order."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, method: str, path: str, **facts: Any) -> requests.Response:
        """Call the API with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **facts.pop("headers", {})}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=120, **facts)

    def upload(self, content: bytes, filename: str = "photo.jpg") -> dict[str, Any]:
        """Upload a file and give the asset."""
        answer = self.call("POST", "/campaign-assets", files={"file": (filename, content)})
        assert answer.status_code in {200, 201}, answer.text
        asset: dict[str, Any] = answer.json()
        return asset

    @contextmanager
    def half_uploads(self, count: int) -> Iterator[list[socket.socket]]:
        """Begin uploads that do not go on, as from telephones that were put away; ``finish_upload`` ends one."""
        place = urlsplit(self.url)
        head = (
            f"POST /campaign-assets HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(_UPLOAD)}\r\n\r\n"
        ).encode()
        with ExitStack() as stack:
            opened = []
            for _ in range(count):
                connection = stack.enter_context(socket.create_connection((place.hostname, place.port), timeout=60))
                connection.sendall(head + _UPLOAD[:200])
                opened.append(connection)
            yield opened

    @staticmethod
    def finish_upload(connection: socket.socket) -> str:
        """Send the rest of a half upload; gives the status of its answer."""
        connection.sendall(_UPLOAD[200:])
        return connection.recv(65_536).split(b" ", 2)[1].decode()

    def send(self, **order: Any) -> dict[str, Any]:
        """Create a campaign."""
        answer = self.call("POST", "/campaigns", json=order)
        assert answer.status_code == 201, answer.text
        campaign: dict[str, Any] = answer.json()
        return campaign

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """Read a campaign."""
        answer = self.call("GET", f"/campaigns/{campaign_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def messages(self, campaign_id: str) -> list[dict[str, Any]]:
        """Read all messages of a campaign, page by page."""
        items: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.call("GET", f"/campaigns/{campaign_id}/messages?limit=100&after={after}").json()
            items += page["items"]
            after = page["next"]
            if not after:
                return items

    def wait_for(self, campaign_id: str, state: str, *, seconds: float = 90) -> dict[str, Any]:
        """Wait until a campaign is in a state."""
        deadline = time.monotonic() + seconds
        while True:
            campaign = self.campaign(campaign_id)
            if campaign["state"] == state:
                return campaign
            assert time.monotonic() < deadline, f"still {campaign['state']}: {campaign['pause_reason']}"
            time.sleep(0.1)


def has_answer(connection: socket.socket) -> bool:
    """Look whether an answer, or the end, waits to be read."""
    return bool(select.select([connection], [], [], 0)[0])


def environment_of(folder: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox, **more: str) -> dict[str, str]:
    """Make the environment of a Postcard with a data folder of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("POSTCARD_")}
    return {
        **plain,
        "AWS_ACCESS_KEY_ID": seaweed.access_key,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_key,
        "POSTCARD_DATA_DIR": str(folder / "data"),
        "POSTCARD_S3_ENDPOINT_URL": seaweed.endpoint_url,
        "POSTCARD_OPENMARKET_ENDPOINTS": sandbox.endpoint,
        "POSTCARD_OPENMARKET_ACCOUNT_ID": "sandbox",
        "POSTCARD_OPENMARKET_PASSWORD": "sandbox",
        "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1,GB:447700900750/config2",
        "POSTCARD_OPENMARKET_TPS": "100",
        "POSTCARD_CALLBACK_SECRET": SECRET,
        "POSTCARD_SECRET_KEY": "the key of the tests, long enough to sign",
        "POSTCARD_WEB_PORT": str(free_port()),
        **more,
    }


@contextmanager
def running_postcard(
    folder: Path, environment: Mapping[str, str], sandbox: RunningSandbox, *, workers: int = 1
) -> Iterator[RunningPostcard]:
    """Run web and workers until the block ends; the sandbox reports to this web."""
    running = RunningPostcard(folder, dict(environment), f"http://127.0.0.1:{environment['POSTCARD_WEB_PORT']}")
    running.command("migrate")
    running.token = running.command("token", "create", "tests").stdout.splitlines()[-1]
    sandbox.reset(callback_url=running.callback_url, forwarded_seconds=0.1, retrieved_seconds=0.1)
    try:
        web = running.start("web", "web")
        for number in range(workers):
            running.start(f"worker{number}", "worker")
        _wait_until_ready(running, web)
        yield running
    finally:
        running.stop_all()


def _wait_until_ready(running: RunningPostcard, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if requests.get(f"{running.url}/healthz", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        assert web.poll() is None, (running.folder / "web.log").read_text()[-2000:]
        assert time.monotonic() < deadline, "the web does not answer"
        time.sleep(0.05)
