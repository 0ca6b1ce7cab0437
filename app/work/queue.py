"""Which queue stands behind POSTCARD_QUEUE_URL, and announcing a job to it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.exceptions import HueyException

from app.telemetry import log

NAME = "postcard"


def open_queue(url: str) -> Huey:
    """Open the queue that a URL names: sqlite:///path, postgresql://... or redis://..."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return SqliteHuey(NAME, filename=url.removeprefix("sqlite:///"), results=False, journal_mode="wal")
    if scheme.startswith("postgresql"):
        return PostgresHuey(NAME, dsn=url.replace("postgresql+psycopg://", "postgresql://"), results=False)
    return RedisHuey(NAME, url=url, results=False)


class HueyQueue:
    """Announces job ids; ``on_job`` is what a consumer does with one.

    An announcement that is lost loses nothing: the sweeper finds the row. So a queue that is away is a warning.
    """

    def __init__(self, url: str) -> None:
        self.huey = open_queue(url)
        self.on_job: Callable[[str], None] = self._nobody_listens
        self._do_job = self.huey.task(name="do_job")(self._do)

    def announce(self, job_id: str) -> None:
        """Tell the workers that a job row is due."""
        try:
            self._do_job(job_id)
        except (HueyException, OSError) as error:
            log.warning("queue does not answer; the sweeper will find the job", job=job_id, reason=str(error))
        except Exception as error:  # noqa: BLE001 -- every storage raises its driver's own errors
            log.warning("queue does not answer; the sweeper will find the job", job=job_id, reason=repr(error))

    def _do(self, job_id: str) -> None:
        self.on_job(job_id)

    @staticmethod
    def _nobody_listens(job_id: str) -> Any:
        raise RuntimeError(f"no consumer is set up for job {job_id}")
