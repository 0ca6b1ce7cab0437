"""The worker process: Huey's consumer around our jobs, and the sweeper's clock."""

import threading
from collections.abc import Callable
from typing import Any

from huey.consumer import Consumer, Worker

from app.duties.postcard import Postcard
from app.errors import PostcardError
from app.telemetry import log, log_error
from app.work.claiming import do_job
from app.work.heart import BEAT_SECONDS, Heart
from app.work.queue import HueyQueue
from app.work.recovery import HOURLY_SECONDS, SETTLE_SECONDS, SWEEP_SECONDS, daily, hourly, settle_new, sweep


def run_worker(post: Postcard, queue: HueyQueue) -> None:
    """Work until SIGTERM or SIGINT; jobs under way are finished first, the rest is found again by the sweeper."""
    queue.on_job = lambda job_id: do_job(post, job_id)
    stop = threading.Event()
    clocks = [
        threading.Thread(target=_every, args=(seconds, call, post, stop), name=call.__name__, daemon=True)
        for seconds, call in (
            (SETTLE_SECONDS, settle_new),
            (SWEEP_SECONDS, sweep),
            (HOURLY_SECONDS, hourly),
            (HOURLY_SECONDS, daily),
        )
    ]
    for clock in clocks:
        clock.start()
    log.info("worker started", threads=post.settings.queue.threads)
    heart = Heart(post)
    heart.begin()
    consumer = _Consumer(
        post.stopping,
        heart,
        queue.huey,
        workers=post.settings.queue.threads,
        periodic=False,
        initial_delay=0.05,
        max_delay=0.5,
        graceful_signal="TERM",
        health_check_interval=BEAT_SECONDS,
    )
    try:
        consumer.run()
    finally:
        stop.set()
        for clock in clocks:
            clock.join(timeout=SWEEP_SECONDS)
        heart.end()
    log.info("worker stopped")


class _Consumer(Consumer):  # type: ignore[misc]  # -- Huey ships no types
    """Huey's consumer, which tells the path before it waits for its threads: a campaign stops between two messages.

    Its main loop, which looks whether the threads live, beats.
    """

    def __init__(self, stopping: threading.Event, heart: Heart, *args: Any, **options: Any) -> None:
        self._stopping = stopping
        self._heart = heart
        super().__init__(*args, **options)

    def _create_worker(self) -> "_Worker":
        made = _Worker(self.huey, self.stop_flag, self.default_delay, self.max_delay, self.backoff, self.max_tasks)
        made.heart = self._heart
        return made

    def check_worker_health(self) -> bool:
        """Do as Huey does, and beat."""
        self._heart.beat()
        return bool(super().check_worker_health())

    def _handle_signal(self, signum: int, frame: Any) -> None:
        self._stopping.set()
        super()._handle_signal(signum, frame)


class _Worker(Worker):  # type: ignore[misc]  # -- Huey ships no types
    """Huey's thread, which notes when it asks for work."""

    heart: Heart

    def loop(self, now: Any = None) -> None:
        """Ask for work and do it."""
        self.heart.came_back()
        super().loop(now)


def _every(seconds: float, call: Callable[[Postcard], None], post: Postcard, stop: threading.Event) -> None:
    while True:
        try:
            call(post)
        except PostcardError as error:
            log_error(f"{call.__name__} failed; it comes again", error)
        except Exception:  # noqa: BLE001 -- the last line of defence: a bug costs one round, not the sweeper
            log.exception(f"{call.__name__} broke; it comes again", alarm=True)
        if stop.wait(seconds):
            return
