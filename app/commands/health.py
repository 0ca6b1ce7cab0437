"""`postcard health`: whether web and worker live and work, for a container's health check and for a person; it imports little."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click

from app.commands.local import known_values, plain_errors
from app.errors import CannotStart, DatabaseBusy
from app.settings import Settings, database_url, read_settings

_STOPPED = frozenset("TtZX")  # stopped, traced, ended: proc(5)
_SECONDS = 4.0
PARTS = ("web", "worker")
_LASTING = frozenset({*PARTS, "run", "sandbox", "migrate"})


class _Unwell(Exception):
    """Why a part is not healthy, in a sentence; never leaves this module."""


@click.command()
@click.argument("part", required=False, type=click.Choice(PARTS))
@click.option("--pid", type=int, help="The process to look at instead, whatever of the two it is.")
def health(part: str | None, pid: int | None) -> None:
    """Tell whether the web answers and a worker of this machine works; exit code 1 if not.

    PART is `web`, which must answer GET /healthz, or `worker`, of which one must have written its heartbeat within a minute.
    Without PART: in a container whose first process is one of the two, that one; elsewhere both.
    """
    with plain_errors():
        settings = read_settings(known_values())[0]
        if pid is not None:
            told = [_of_process(settings, pid)]
        elif part is not None:
            told = [_of_part(settings, part)]
        elif _command_of(1):
            told = [_of_process(settings, 1)]
        else:
            told = [_of_part(settings, each) for each in PARTS]
        for _, sentence in told:
            click.echo(sentence)
        if not all(well for well, _ in told):
            sys.exit(1)


def _of_part(settings: Settings, part: str, pid: int = 0) -> tuple[bool, str]:
    try:
        return True, f"ok    {part}: {_ask_web(settings) if part == 'web' else _ask_heart(settings, pid)}"
    except _Unwell as wrong:
        return False, f"WRONG {part}: {wrong}"


def _of_process(settings: Settings, pid: int) -> tuple[bool, str]:
    command = _command_of(pid)
    try:
        # The state follows the name, which stands in brackets and may hold anything.
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2][:1]
    except OSError:
        return False, f"WRONG There is no process {pid}."
    if state in _STOPPED:
        return False, f"WRONG Process {pid} is stopped."
    if command in PARTS:
        return _of_part(settings, command, pid)
    if command:
        return True, f"ok    {command}: process {pid} runs; it gives no further sign of life."
    return False, f"WRONG Process {pid} is no command of Postcard."


def _command_of(pid: int) -> str:
    """Name the command of Postcard that a process runs, such as `web`; empty when it is something else, or gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return ""
    # `postcard web`, `python .../bin/postcard web`, `python -m app web`; an init of the container may stand before it.
    for at, word in enumerate(words[:-1]):
        if Path(word).name == "postcard" or (word == "app" and words[at - 1] == "-m"):
            return words[at + 1] if words[at + 1] in _LASTING else ""
    return ""


def _ask_heart(settings: Settings, pid: int) -> str:
    """Look at the heartbeats of this machine's workers, or of one process.

    A database that is away is no fault of a worker that runs: a new one would find it away, too.

    Raises:
        _Unwell: none was seen at work lately.
    """
    from app.records.database import Database
    from app.records.heartbeats import ALIVE_SECONDS, silent_of_this_machine, worker_name

    try:
        database = Database(database_url(settings), busy_seconds=_SECONDS)
    except CannotStart as error:
        raise _Unwell(f"{error.detail}. Nothing has run with it; start it with `postcard run` or `worker`.") from error
    try:
        with database.read() as connection:
            silent = silent_of_this_machine(connection, at=database.now(connection))
    except DatabaseBusy as error:
        if pid:
            return f"process {pid} runs; the database does not answer, and a new worker would not change that."
        raise _Unwell(
            "the database does not answer, so nothing is known of a worker. Look at the database first."
        ) from error
    finally:
        database.close()
    mine = {name: seconds for name, seconds in silent.items() if not pid or name == worker_name(pid)}
    if not mine:
        who = f"process {pid} has" if pid else "no worker of this machine has"
        raise _Unwell(
            f"{who} not begun to work with this database, or ended. Start it: `postcard worker`, or `postcard run`."
        )
    name, seconds = min(mine.items(), key=lambda each: each[1])
    if seconds > ALIVE_SECONDS:
        raise _Unwell(
            f"{name} has done nothing for {seconds:.0f} seconds; more than {ALIVE_SECONDS} mean that it hangs or was killed. "
            "Start it again; its log says what it did last."
        )
    return f"{name} was at work {seconds:.0f} s ago."


def _ask_web(settings: Settings) -> str:
    """Ask for its sign of life.

    Raises:
        _Unwell: it does not answer.
    """
    web = settings.web
    host = "127.0.0.1" if web.host in {"0.0.0.0", "::", ""} else web.host  # noqa: S104 -- compared, not bound
    url, began = f"http://{host}:{web.port}/healthz", time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            answer.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise _Unwell(
            f"{url} does not answer ({reason}). Start it: `postcard web`, or `postcard run`; or name its port: "
            "POSTCARD_WEB_PORT."
        ) from error
    return f"{url} answers, in {(time.monotonic() - began) * 1000:.0f} ms."
