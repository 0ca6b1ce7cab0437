"""Delivery reports at 500 a second, posted to a real web process while a worker settles them, all on one SQLite file.

The load is open: each report has its moment, and its time counts from there, however late the answers before it were. The
reports are about messages that were really sent, two for each, as operators send them. CPU is that of the web process.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.model.messages import TextPart
from app.telemetry import configure_logging
from bench.path import assembled, environment_of, work_off
from bench.send import Row, make_row, running_gateway

PER_SECOND = 500
IDLE_SECONDS = 3.0  # gunicorn closes what was idle for 5 s
_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _serving(post: Postcard, gateway: str, port: int) -> Iterator[int]:
    """Run web and worker on the database of ``post``; gives the web's process id."""
    environment = {
        **os.environ,
        **environment_of(str(post.settings.data.dir), gateway, tps=10_000, connections=64),
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
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
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


async def _post_all(client: _Client, bodies: Sequence[bytes], per_second: float) -> None:
    loop = asyncio.get_running_loop()
    origin = loop.time() + 0.1
    tasks = []
    for number, body in enumerate(bodies):
        due = origin + number / per_second
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(client.post(body, due)))
    await asyncio.gather(*tasks)
    client.close()


def _reports_of(post: Postcard) -> list[bytes]:
    """Write two reports for each message that was sent."""
    with post.database.read() as connection:
        mt_ids = connection.exec_driver_sql("SELECT mt_id FROM messages WHERE mt_id <> ''").scalars().all()
    told = '{"type":"REPORT","mtId":"%s","date":"2026-07-16T19:20:30+00:00","status":"%s","outcomeId":%d,"userAgent":"HTC One"}'
    return [
        (told % (mt_id, status, outcome)).encode()
        for status, outcome in (("Forwarded", 5), ("Retrieved", 1))
        for mt_id in mt_ids
    ]


def _backlog(post: Postcard) -> int:
    with post.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM callbacks WHERE state = 'new'").scalar_one())


def run(*, seconds: float = 20.0) -> list[Row]:
    """Measure everything; one row a figure."""
    configure_logging("warning")
    count = int(PER_SECOND * seconds)
    # The gateway ends before the measuring begins: it binds this process and its children to one core.
    with ExitStack() as stack:
        with running_gateway(0.0) as gateway:
            post = stack.enter_context(assembled(gateway, tps=10_000, connections=64))
            numbers = [f"1251{5_550_000 + number}" for number in range(count // 2)]
            campaign = create_campaign(post, Order(parts=(TextPart("hi"),), recipients=numbers), created_by="bench")
            work_off(post, campaign.id)
        bodies, port = _reports_of(post), _free_port()
        with _serving(post, gateway, port) as web:
            client = _Client(port, f"/callbacks/openmarket/{post.settings.callback.secret}")
            asyncio.run(
                _post_all(_Client(port, f"/callbacks/openmarket/{post.settings.callback.secret}"), [b"{}"] * 100, 100)
            )
            cpu = _cpu_seconds(web)
            asyncio.run(_post_all(client, bodies, PER_SECOND))
            cpu = _cpu_seconds(web) - cpu
            left, began = _backlog(post), time.monotonic()
            while _backlog(post):
                time.sleep(0.02)
            caught_up = time.monotonic() - began
            with post.database.read() as connection:
                kept = connection.exec_driver_sql("SELECT count(*) FROM callbacks").scalar_one() - 100
                retrieved = connection.exec_driver_sql(
                    "SELECT count(*) FROM messages WHERE state = 'retrieved'"
                ).scalar_one()
    assert client.failed == 0
    assert (kept, retrieved) == (count, count // 2)
    ordered = sorted(client.seconds)
    p50, p95, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.95, 0.99))
    return [
        make_row(f"answer to a report, {PER_SECOND} a second for {seconds:.0f} s, median", p50, "ms"),
        make_row("the same, 95th percentile", p95, "ms"),
        make_row("the same, 99th percentile", p99, "ms", "50", met=p99 <= 50),
        make_row("the same, slowest", ordered[-1] * 1000, "ms"),
        make_row("web process, a report", cpu / count * 1e6, "us CPU"),
        make_row("reports not settled at the end", float(left), ""),
        make_row("seconds until all were settled", caught_up, "s"),
    ]
