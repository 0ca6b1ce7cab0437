"""What a message costs: body, request, answer and recording, beside a loop over a ``requests`` session in the same run.

CPU is user and system time of this process alone; client and gateway are kept on different cores where there are two.
Targets: under 100 us of CPU a message; at most 1/10 of the loop; with answers after 50 ms and 512 connections at least
60 % of the ceiling (connections / answer time).
"""

import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from app import settings
from app.compose.mime import Composed, compose_message
from app.model.messages import LinkPart, Outcome, Outgoing, TextPart
from app.model.status import OutcomeKind
from app.send.gateway import OpenMarketGateway
from bench.spent import Row, make_row

_ROOT = Path(__file__).parents[1]
_FLUSH_ROWS = 50
TURNS = 7


@contextmanager
def running_gateway(delay_seconds: float, *, per_second: int = 0) -> Iterator[str]:
    """Run the fast gateway, with a rate or without; gives its send URL."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        descriptor = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.fast_gateway", str(descriptor), str(delay_seconds), str(per_second)],
            pass_fds=[descriptor],
            cwd=_ROOT,
        )
        with suppress(PermissionError):  # it stands for another machine, which our load does not slow down
            os.setpriority(os.PRIO_PROCESS, process.pid, -20)
        if len(cores) > 1:
            os.sched_setaffinity(process.pid, cores[1:])
            os.sched_setaffinity(0, cores[:1])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mms/v2/send"
        finally:
            os.sched_setaffinity(0, cores)
            process.terminate()
            process.wait()


def example_message() -> Composed:
    """Compose a message of the usual kind: a linked picture and a text, 1.5 KB on the wire."""
    return compose_message(
        [
            LinkPart("https://media.example.com/m/" + "0a" * 32 + ".jpg", "image/jpeg", 280_000),
            TextPart("Hello! " * 120),
        ],
        subject="A picture for you",
        source="88600",
        mt_config="config1",
    )


def _requests_of(composed: Composed, count: int) -> Iterator[Outgoing]:
    for number in range(count):
        body = composed.body_for(f"1251{number:07}", None)
        yield Outgoing(f"msg_{number}", f"att_{number}", composed.content_type, body, _always)


def _always() -> bool:
    return True


class _Record:
    """A table of outcomes, written in batches as the path does it: WAL, synchronous=FULL, one commit a batch."""

    def __init__(self, folder: str) -> None:
        self._database = sqlite3.connect(Path(folder) / "bench.sqlite", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(
            "CREATE TABLE attempts (id TEXT PRIMARY KEY, state TEXT, endpoint TEXT, started_at TEXT, answered_at TEXT,"
            " http_status INTEGER, request_id TEXT, mt_id TEXT, answer TEXT)"
        )

    def write(self, outcomes: Iterable[Outcome]) -> int:
        waiting: list[Outcome] = []
        accepted = 0
        for outcome in outcomes:
            accepted += outcome.kind is OutcomeKind.ACCEPTED
            waiting.append(outcome)
            if len(waiting) >= _FLUSH_ROWS:
                self._flush(waiting)
                waiting = []
        self._flush(waiting)
        return accepted

    def close(self) -> None:
        self._database.close()

    def _flush(self, outcomes: list[Outcome]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT INTO attempts VALUES (?,?,?,?,?,?,?,?,?)",
            [
                (
                    each.attempt_id,
                    each.kind.value,
                    each.endpoint,
                    each.started_at.isoformat(),
                    each.answered_at.isoformat() if each.answered_at else None,
                    each.http_status,
                    each.request_id,
                    each.mt_id,
                    each.answer,
                )
                for each in outcomes
            ],
        )
        self._database.execute("COMMIT")


def _gateway(url: str, connections: int) -> OpenMarketGateway:
    return OpenMarketGateway(
        settings.OpenMarket(endpoints=(url,), account_id="bench", password="bench", connections=connections)
    )


def measure_client(url: str, count: int, connections: int, *, record: bool) -> tuple[float, float]:
    """Send ``count`` messages.

    Returns:
        CPU microseconds a message, and messages a second.
    """
    gateway, composed = _gateway(url, connections), example_message()
    list(gateway.send_group(_requests_of(composed, connections * 2), pace=_no_pace))
    with tempfile.TemporaryDirectory() as folder:
        table = _Record(folder)
        cpu, wall = time.process_time(), time.perf_counter()
        outcomes = gateway.send_group(_requests_of(composed, count), pace=_no_pace)
        accepted = table.write(outcomes) if record else sum(each.kind is OutcomeKind.ACCEPTED for each in outcomes)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        table.close()
    gateway.close()
    assert accepted == count
    return cpu / count * 1e6, count / wall


def _no_pace() -> None:
    return


def measure_body(count: int) -> float:
    """Build ``count`` bodies; gives CPU microseconds each."""
    composed = example_message()
    began = time.process_time()
    for number in range(count):
        composed.body_for(f"1251{number:07}", None)
    return (time.process_time() - began) / count * 1e6


def measure_requests(url: str, count: int) -> float:
    """Send ``count`` messages in a loop over one ``requests`` session; gives CPU microseconds each."""
    composed, session = example_message(), requests.Session()
    os.environ["no_proxy"] = "127.0.0.1"
    headers = {"Content-Type": composed.content_type}
    began = time.process_time()
    for number in range(count):
        body = composed.body_for(f"1251{number:07}", None)
        answer = session.post(url, data=body, headers=headers, auth=("bench", "bench"), timeout=30)
        assert answer.status_code == 202
        assert answer.json()["mtId"]
    return (time.process_time() - began) / count * 1e6


def run(*, messages: int = 20_000) -> list[Row]:
    """Measure everything; one row a figure."""
    with running_gateway(0.0) as url:
        alone, rate = measure_client(url, messages, 64, record=False)
        # In turns, so that whatever else the machine does falls on both.
        turns = [
            (measure_client(url, messages // 4, 64, record=True)[0], measure_requests(url, messages // 40))
            for _ in range(TURNS)
        ]
        whole, peer = (statistics.median(turn[side] for turn in turns) for side in (0, 1))
    with running_gateway(0.05) as url:
        slow, slow_rate = measure_client(url, messages * 2, 512, record=False)
    ceiling = 512 / 0.05
    body, share = measure_body(messages), slow_rate / ceiling
    with running_gateway(0.3) as url:
        kept = measure_pace(url, per_second=200.0, seconds=5.0)
    return [
        make_row("body of one message", body, "us CPU", "2", met=body <= 2),
        make_row("body, request and answer, 64 connections", alone, "us CPU"),
        make_row("the same, messages a second", rate, "1/s"),
        make_row("body, request, answer and batched SQLite", whole, "us CPU", "100", met=whole <= 100),
        make_row("a requests session in a loop (peer)", peer, "us CPU"),
        make_row(
            "ours with SQLite / requests, which records nothing", whole / peer, "", "0.1", met=whole / peer <= 0.1
        ),
        make_row("50 ms answers, 512 connections", slow, "us CPU"),
        make_row("the same, share of the ceiling", share, "", "0.6 or more", met=share >= 0.6),
        make_row("share of a pace of 200/s, 300 ms answers", kept, "", "0.98 or more", met=kept >= 0.98),
    ]


def measure_pace(url: str, *, per_second: float, seconds: float) -> float:
    """Send at a given pace; gives the share of it that was kept, the wait for the last answer left out."""
    gateway, count, started = _gateway(url, 256), int(per_second * seconds), 0
    origin = time.monotonic()
    last = origin

    def pace() -> None:
        nonlocal started, last
        time.sleep(max(0.0, origin + started / per_second - time.monotonic()))
        started += 1
        last = time.monotonic()

    outcomes = list(gateway.send_group(_requests_of(example_message(), count), pace=pace))
    gateway.close()
    assert len(outcomes) == count
    return (count - 1) / (last - origin) / per_second
