"""One contract for every queue: SQLite, PostgreSQL and Valkey, each for real."""

import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from huey.consumer import Consumer
from structlog.testing import capture_logs

from app.work.queue import HueyQueue

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(params=["sqlite", "postgresql", "valkey"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.sqlite'}"
    if request.param == "valkey":
        url: str = request.getfixturevalue("valkey_url")
        with redis.Redis.from_url(url) as valkey:
            valkey.flushdb()
        return url
    fresh: Callable[[], str] = request.getfixturevalue("postgres")
    return fresh()


class Listener:
    """A consumer of a queue in threads of this process."""

    def __init__(self, queue: HueyQueue) -> None:
        self.done: list[str] = []
        self.queue = queue
        queue.on_job = self.take
        self.consumer = Consumer(queue.huey, workers=2, periodic=False, initial_delay=0.01, max_delay=0.05)
        self.consumer.start()

    def take(self, job_id: str) -> None:
        self.done.append(job_id)
        if job_id == "bad":
            raise RuntimeError("a job that breaks")

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.done) < count and time.monotonic() < deadline:
            time.sleep(0.01)


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[HueyQueue], Listener]]:
    # A consumer in a test's thread must not take over the process' signals.
    monkeypatch.setattr(Consumer, "_set_signal_handlers", lambda _: None)
    started: list[Listener] = []

    def start(queue: HueyQueue) -> Listener:
        started.append(Listener(queue))
        return started[-1]

    yield start
    for each in started:
        each.consumer.stop(graceful=True)
    # Huey keeps one connection a thread and leaves closing it to the end of the process.
    started.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_what_is_announced_is_heard_by_a_consumer_once(queue_url: str, listen: Callable[[HueyQueue], Listener]) -> None:
    queue = HueyQueue(queue_url)
    listener = listen(queue)
    for number in range(50):
        queue.announce(f"job_{number}")
    listener.wait_for(50)
    assert sorted(listener.done) == sorted(f"job_{number}" for number in range(50))


def test_an_announcement_waits_for_a_consumer(queue_url: str, listen: Callable[[HueyQueue], Listener]) -> None:
    HueyQueue(queue_url).announce("early")
    listener = listen(HueyQueue(queue_url))
    listener.wait_for(1)
    assert listener.done == ["early"]


def test_many_threads_may_announce_at_once(queue_url: str, listen: Callable[[HueyQueue], Listener]) -> None:
    queue = HueyQueue(queue_url)
    listener = listen(queue)
    threads = [threading.Thread(target=queue.announce, args=(f"job_{number}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listener.wait_for(16)
    assert len(set(listener.done)) == 16


def test_a_job_that_breaks_does_not_stop_the_consumer(queue_url: str, listen: Callable[[HueyQueue], Listener]) -> None:
    queue = HueyQueue(queue_url)
    listener = listen(queue)
    queue.announce("bad")
    queue.announce("good")
    listener.wait_for(2)
    assert set(listener.done) == {"bad", "good"}


def test_a_queue_that_is_away_loses_nothing_but_the_announcement() -> None:
    with capture_logs() as logged:
        HueyQueue("redis://127.0.0.1:9/0").announce("job_1")
    assert [each["job"] for each in logged] == ["job_1"]
    assert "the sweeper will find the job" in logged[0]["event"]
