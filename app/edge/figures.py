"""Figures of the whole installation, whichever process did the work: counted from the rows, at most every 15 seconds."""

import time
from collections.abc import Iterable, Iterator
from threading import Lock

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.duties.postcard import Postcard
from app.errors import DatabaseBusy
from app.records.figures import jobs_due, rows_by_state
from app.records.heartbeats import ALIVE_SECONDS, silent_seconds

_FRESH_SECONDS = 15.0


class RowFigures(Collector):
    """Counts rows by state, and jobs that wait; with a database that does not answer it says just that."""

    def __init__(self, post: Postcard) -> None:
        self._post = post
        self._lock = Lock()
        self._found: tuple[Metric, ...] = ()
        self._looked_at = -_FRESH_SECONDS

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand, so that registering asks the database nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _FRESH_SECONDS:
                self._found = tuple(self._look())
                self._looked_at = time.monotonic()
            found = self._found
        yield from found

    def _look(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily("postcard_database_answers", "Whether the database answered: 1 or 0.")
        try:
            with self._post.database.read() as connection:
                counts = rows_by_state(connection)
                now = self._post.database.now(connection)
                due, waited = jobs_due(connection, at=now)
                silent = silent_seconds(connection, at=now)
        except DatabaseBusy:
            answers.add_metric([], 0)
            yield answers
            return
        answers.add_metric([], 1)
        yield answers
        for table, by_state in counts.items():
            family = GaugeMetricFamily(f"postcard_{table}", f"Rows of {table} by state.", labels=["state"])
            for state, count in sorted(by_state.items()):
                family.add_metric([state], count)
            yield family
        yield GaugeMetricFamily("postcard_jobs_due", "Jobs that could begin now.", value=due)
        yield GaugeMetricFamily(
            "postcard_jobs_waited_seconds", "How long the longest of them has waited; 0 without one.", value=waited
        )
        alive = sum(seconds <= ALIVE_SECONDS for seconds in silent.values())
        yield GaugeMetricFamily("postcard_workers", f"Workers seen at work in the last {ALIVE_SECONDS} s.", value=alive)
        ages = GaugeMetricFamily("postcard_worker_silent_seconds", "Since the last heartbeat.", labels=["worker"])
        for name, seconds in sorted(silent.items()):
            ages.add_metric([name], seconds)
        yield ages
