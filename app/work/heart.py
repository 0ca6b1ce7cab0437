"""The heartbeat of a worker: a row that its main loop writes as long as its threads come back for work."""

import os
import time
from collections.abc import Callable

from app.duties.postcard import Postcard
from app.errors import PostcardError
from app.records.heartbeats import beat, begin_beating, stop_beating, worker_name
from app.telemetry import log, log_error

BEAT_SECONDS = 10


class Heart:
    """Beats for one process. A thread that asks for work proves that not all of them hang.

    At most half of the threads send campaigns; each other job ends within the limit of a decoder, waited for and done twice (a
    poster, a rendition), and some minutes of store and database. So where no thread has come back for longer, something hangs.
    """

    def __init__(self, post: Postcard, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._name = worker_name(os.getpid())
        self._patience_seconds = 300 + 2 * post.settings.fit.seconds
        self._came_back = clock()

    def begin(self) -> None:
        """Write the first beat."""
        with self._post.change() as change:
            begin_beating(change.connection, self._name, at=change.at)

    def came_back(self) -> None:
        """Note that a thread asks for work."""
        self._came_back = self._clock()

    def beat(self) -> None:
        """Write a beat, unless no thread has come back for too long; a database that is away is for the next one."""
        waited = self._clock() - self._came_back
        if waited > self._patience_seconds:
            log.error("no thread of this worker comes back for work", alarm=True, seconds=round(waited))
            return
        try:
            with self._post.change() as change:
                beat(change.connection, self._name, at=change.at)
        except PostcardError as error:
            log_error("no heartbeat written; the next one is soon", error)

    def end(self) -> None:
        """Take the row away: this worker is not missed."""
        try:
            with self._post.change() as change:
                stop_beating(change.connection, self._name)
        except PostcardError as error:
            log_error("the last heartbeat stays for a day", error)
