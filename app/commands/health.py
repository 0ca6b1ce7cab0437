"""`postcard health`: whether the process of a container lives, for its health check; quick, so it imports little."""

import urllib.error
import urllib.request
from pathlib import Path

import click

from app.commands.local import given_values, plain_errors
from app.errors import CannotStart
from app.settings import read_settings

_STOPPED = frozenset("TtZX")  # stopped, traced, ended: proc(5)
_SECONDS = 4.0


@click.command()
@click.option("--pid", default=1, show_default=True, help="The process to ask; in a container the first one.")
def health(pid: int) -> None:
    """Ask a web whether it answers, and any other process of Postcard whether it runs; exit code 1 if not."""
    with plain_errors():
        click.echo(_look(pid))


def _look(pid: int) -> str:
    """Tell what a process is; one that serves pages must answer.

    Raises:
        CannotStart: it is gone, stopped, or does not answer.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        # The state follows the name, which stands in brackets and may hold anything.
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2][:1]
    except OSError as error:
        raise CannotStart(f"There is no process {pid}.") from error
    if state in _STOPPED:
        raise CannotStart(f"Process {pid} is stopped.")
    if "web" not in words:
        return "It runs."
    web = read_settings(given_values())[0].web
    host = "127.0.0.1" if web.host in {"0.0.0.0", "::", ""} else web.host  # noqa: S104 -- compared, not bound
    try:
        with urllib.request.urlopen(f"http://{host}:{web.port}/healthz", timeout=_SECONDS):
            return "It answers."
    except (urllib.error.URLError, TimeoutError) as error:
        raise CannotStart(f"The web does not answer on port {web.port}.") from error
