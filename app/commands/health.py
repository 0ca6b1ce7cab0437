"""`postcard health`: whether the process of a container lives and works, for its health check; quick, so it imports little."""

import urllib.error
import urllib.request
from pathlib import Path

import click

from app.commands.local import given_values, plain_errors
from app.errors import CannotStart, DatabaseBusy
from app.settings import Settings, database_url, read_settings

_STOPPED = frozenset("TtZX")  # stopped, traced, ended: proc(5)
_SECONDS = 4.0


@click.command()
@click.option("--pid", default=1, show_default=True, help="The process to ask; in a container the first one.")
def health(pid: int) -> None:
    """Ask a web whether it answers, a worker whether it works, and others whether they run; exit code 1 if not."""
    with plain_errors():
        click.echo(_look(pid))


def _look(pid: int) -> str:
    """Tell what a process is; one that serves pages must answer, a worker must have been seen at work.

    Raises:
        CannotStart: it is gone, stopped, silent, or does not answer.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        # The state follows the name, which stands in brackets and may hold anything.
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2][:1]
    except OSError as error:
        raise CannotStart(f"There is no process {pid}.") from error
    if state in _STOPPED:
        raise CannotStart(f"Process {pid} is stopped.")
    if "web" in words:
        return _ask_web(read_settings(given_values())[0])
    return _ask_heart(read_settings(given_values())[0], pid) if "worker" in words else "It runs."


def _ask_heart(settings: Settings, pid: int) -> str:
    """Look at the worker's heartbeat. A database that is away is no fault of the worker: a new one would find it away, too.

    Raises:
        CannotStart: it has been silent for too long.
    """
    from app.records.database import Database
    from app.records.heartbeats import ALIVE_SECONDS, silent_seconds, worker_name

    database = Database(database_url(settings), busy_seconds=_SECONDS)
    try:
        with database.read() as connection:
            silent = silent_seconds(connection, at=database.now(connection)).get(worker_name(pid))
    except DatabaseBusy:
        return "It runs; the database does not answer."
    finally:
        database.close()
    if silent is None:
        raise CannotStart(f"Process {pid} has not begun to work.")
    if silent > ALIVE_SECONDS:
        raise CannotStart(f"The worker {pid} has done nothing for {silent:.0f} seconds.")
    return "It works."


def _ask_web(settings: Settings) -> str:
    """Ask for its sign of life.

    Raises:
        CannotStart: it does not answer.
    """
    web = settings.web
    host = "127.0.0.1" if web.host in {"0.0.0.0", "::", ""} else web.host  # noqa: S104 -- compared, not bound
    try:
        with urllib.request.urlopen(f"http://{host}:{web.port}/healthz", timeout=_SECONDS):
            return "It answers."
    except (urllib.error.URLError, TimeoutError) as error:
        raise CannotStart(f"The web does not answer on port {web.port}.") from error
