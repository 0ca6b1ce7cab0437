"""Delivery reports at 500 a second, posted to a real web process while a worker settles them, all on one SQLite file.

The load is open: each report has its moment, and its time counts from there, however late the answers before it were. The
reports are about messages that were really sent, two for each, as operators send them. Once a second a STOP comes among them;
it counts from its moment to the row that suppresses its number. CPU is that of the web process.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.host.bucket import BucketPlan, apply_bucket
from app.host.client import make_client
from app.host.embedded import EmbeddedStore
from app.model.messages import TextPart
from app.settings import S3
from app.telemetry import configure_logging
from bench.path import assembled, environment_of, work_off
from bench.send import running_gateway
from bench.spent import Row, make_row

PER_SECOND = 500
WARM_UP = 100
IDLE_SECONDS = 3.0  # gunicorn closes what was idle for 5 s
_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _store(folder: Path) -> Iterator[dict[str, str]]:
    """Run a store with the bucket as it should be, which the worker compares with the rows when it begins; gives its settings."""
    with EmbeddedStore(folder / "store") as store:
        s3 = S3(endpoint_url=store.endpoint_url)
        client = make_client(s3, access_key=store.access_key, secret_key=store.secret_key)
        apply_bucket(client, BucketPlan(s3=s3, lifecycle_days=30, originals_days=0, public=True, origins=()))
        yield {
            "POSTCARD_S3_ENDPOINT_URL": store.endpoint_url,
            "AWS_ACCESS_KEY_ID": store.access_key,
            "AWS_SECRET_ACCESS_KEY": store.secret_key,
        }


@contextmanager
def _serving(post: Postcard, gateway: str, port: int, store: Mapping[str, str]) -> Iterator[int]:
    """Run web and worker on the database of ``post``; gives the web's process id."""
    environment = {
        **os.environ,
        **environment_of(str(post.settings.data.dir), gateway, tps=10_000, connections=64),
        **store,
        "POSTCARD_WEB_PORT": str(port),
        "POSTCARD_LOG_LEVEL": "warning",
    }
    processes = [
        subprocess.Popen([sys.executable, "-m", "app", command], env=environment, cwd=_ROOT)
        for command in ("web", "worker")
    ]
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield processes[0].pid
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=60)


def _cpu_seconds(parent: int) -> float:
    """Add up user and system time of the children of a process: gunicorn's workers."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                total += int(fields[11]) + int(fields[12])
    return total / _TICKS


class _Client:
    """Posts on kept connections, as many as are needed."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []
        self.seconds: list[float] = []
        self.failed = 0

    async def post(self, body: bytes, due: float) -> None:
        content_type = "multipart/mixed; boundary=b" if body.startswith(b"--b") else "application/json"
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
            f"X-Request-Id: 015-3DD6C366-D68A-4A02-9777-19CBC8AB40C1\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        reader, writer = await self._connected()
        writer.write(head + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        self.seconds.append(asyncio.get_running_loop().time() - due)
        if answer.startswith(b"HTTP/1.1 200") and b"Content-Length: 0" in answer:
            self._free.append((reader, writer, asyncio.get_running_loop().time()))
        else:
            self.failed += 1
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._free:
            reader, writer, since = self._free.pop()
            if asyncio.get_running_loop().time() - since < IDLE_SECONDS:
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        for _, writer, _ in self._free:
            writer.close()


async def _post_all(client: _Client, bodies: Sequence[bytes], per_second: float) -> list[float]:
    """Post each body at its moment; gives those moments, by ``time.monotonic()``."""
    loop = asyncio.get_running_loop()
    origin = loop.time() + 0.1
    tasks = []
    moments = [origin + number / per_second for number in range(len(bodies))]
    for body, due in zip(bodies, moments, strict=True):
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(client.post(body, due)))
    await asyncio.gather(*tasks)
    client.close()
    return moments


def _stop_from(number: str) -> bytes:
    details = f'{{"type":"MO","moId":{number},"source":"{number}","destinations":["88600"]}}'
    return (
        f"--b\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n{details}\r\n"
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSTOP\r\n--b--\r\n"
    ).encode()


class _Watch:
    """Notes when numbers are suppressed, by ``time.monotonic()``."""

    def __init__(self, post: Postcard) -> None:
        self._post = post
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: dict[str, float] = {}

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            with self._post.database.read() as connection:
                numbers = connection.exec_driver_sql("SELECT number FROM suppressions").scalars().all()
            for number in numbers:
                self.seen.setdefault(number, time.monotonic())


def reports_of(post: Postcard) -> list[bytes]:
    """Write two reports for each message that was sent."""
    with post.database.read() as connection:
        mt_ids = connection.exec_driver_sql("SELECT mt_id FROM messages WHERE mt_id <> ''").scalars().all()
    told = '{"type":"REPORT","mtId":"%s","date":"2026-07-16T19:20:30+00:00","status":"%s","outcomeId":%d,"userAgent":"HTC One"}'
    return [
        (told % (mt_id, status, outcome)).encode()
        for status, outcome in (("Forwarded", 5), ("Retrieved", 1))
        for mt_id in mt_ids
    ]


def _count(post: Postcard, rows: str) -> int:
    with post.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar_one())


@dataclass
class _Measured:
    """What one run came to; times in seconds."""

    answers: list[float]
    stops: list[float]
    web_cpu: float
    left: int
    caught_up: float


def _measure(post: Postcard, gateway: str, bodies: Sequence[bytes], stops: Mapping[int, str]) -> _Measured:
    port = _free_port()
    path = f"/callbacks/openmarket/{post.settings.callback.secret}"
    with _store(post.settings.data.dir) as store, _serving(post, gateway, port, store) as web:
        asyncio.run(_post_all(_Client(port, path), [b"{}"] * WARM_UP, 100))
        client, cpu = _Client(port, path), _cpu_seconds(web)
        with _Watch(post) as watch:
            moments = asyncio.run(_post_all(client, bodies, PER_SECOND))
            cpu = _cpu_seconds(web) - cpu
            left, began = _count(post, "callbacks WHERE state = 'new'"), time.monotonic()
            while _count(post, "callbacks WHERE state = 'new'"):
                time.sleep(0.02)
            caught_up = time.monotonic() - began
            time.sleep(0.1)
    assert client.failed == 0
    heeded = [watch.seen[number] - moments[at] for at, number in stops.items()]
    return _Measured(sorted(client.seconds), sorted(heeded), cpu, left, caught_up)


def run(*, seconds: float = 20.0) -> list[Row]:
    """Measure everything; one row a figure."""
    configure_logging("warning")
    count = int((PER_SECOND - 1) * seconds) // 2
    # The gateway ends before the measuring begins: it binds this process and its children to one core.
    with ExitStack() as stack:
        with running_gateway(0.0) as gateway:
            post = stack.enter_context(assembled(gateway, tps=10_000, connections=64))
            numbers = [f"1251{5_550_000 + number}" for number in range(count)]
            campaign = create_campaign(post, Order(parts=(TextPart("hi"),), recipients=numbers), created_by="bench")
            work_off(post, campaign.id)
        bodies = reports_of(post)
        stops = {at: f"1251{4_440_000 + at}" for at in range(PER_SECOND // 2, len(bodies), PER_SECOND)}
        for at, number in stops.items():
            bodies.insert(at, _stop_from(number))
        found = _measure(post, gateway, bodies, stops)
        assert _count(post, "callbacks") == len(bodies) + WARM_UP
        assert _count(post, "messages WHERE state = 'retrieved'") == count
    p50, p95, p99 = (found.answers[int(len(found.answers) * share)] * 1000 for share in (0.5, 0.95, 0.99))
    stop = found.stops[-1]
    return [
        make_row(f"answer to a report, {PER_SECOND} a second for {seconds:.0f} s, median", p50, "ms"),
        make_row("the same, 95th percentile", p95, "ms"),
        make_row("the same, 99th percentile", p99, "ms", "50", met=p99 <= 50),
        make_row("the same, slowest", found.answers[-1] * 1000, "ms"),
        make_row(f"from a STOP among them to its suppression, slowest of {len(stops)}", stop, "s", "1", met=stop <= 1),
        make_row("web process, a report", found.web_cpu / len(bodies) * 1e6, "us CPU"),
        make_row("reports not settled at the end", float(found.left), ""),
        make_row("until all were settled", found.caught_up, "s"),
    ]
