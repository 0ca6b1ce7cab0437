"""Child processes of `postcard run`, the folder's lock, and the ports."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.errors import CannotStart
from app.host.embedded import WITH_PARENT

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
MINIMUM_FREE_BYTES = 300_000_000
MAX_LOG_BYTES = 10_000_000
MOST_LINES = 6


class Child:
    """One `postcard COMMAND` with its log in a file; ``ready_url`` answers 200 once it serves.

    A parent that is killed takes its children along, so no stale process is left.
    """

    def __init__(self, name: str, logs: Path, environment: Mapping[str, str], ready_url: str = "") -> None:
        self.name = name
        self.log_file = logs / f"{name}.log"
        self._environment = environment
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None
        self._began_at = 0

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C is for us, and we stop it in order."""
        if self.log_file.exists() and self.log_file.stat().st_size > MAX_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            self._began_at = log.tell()
            self._process = subprocess.Popen(
                [*WITH_PARENT, str(os.getpid()), sys.executable, "-m", "app", self.name],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """How it ended, below zero = by that signal; None while it runs, or before it was started."""
        return self._process.poll() if self._process else None

    def is_ready(self) -> bool:
        """Tell whether it runs, and serves where it has an address."""
        return self.exit_code is None and (not self._ready_url or _answers(self._ready_url))

    def wait_until_ready(self) -> None:
        """Wait until it serves.

        Raises:
            CannotStart: it ended, or does not answer in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            self._require_running()
            if time.monotonic() > deadline:
                raise CannotStart(f"The {self.name} did not answer within {READY_SECONDS:g} s; see {self.log_file}.")
            time.sleep(0.05)

    def _require_running(self) -> None:
        if (code := self.exit_code) is not None:
            said = self.last_words()
            raise CannotStart(
                f"The {self.name} ended while it started, {how_it_ended(code)}.{f' It said: {said}' if said else ''} "
                f"Its log is {self.log_file}."
            )

    def last_words(self) -> str:
        """Tell what it said last since its start, as a person reads it; empty when it was nothing."""
        with self.log_file.open("rb") as log:
            log.seek(self._began_at)
            return sentence_of(log.read()[-20_000:].decode(errors="replace"))

    def stop(self) -> None:
        """Ask it to stop and wait; end it if it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def how_it_ended(code: int) -> str:
    """Put an exit code into words; below zero it is a signal."""
    if code >= 0:
        return f"with exit code {code}"
    why = " (somebody killed it, or the machine ran out of memory)" if -code == signal.SIGKILL else ""
    return f"by signal {-code}, {signal.Signals(-code).name}{why}"


def sentence_of(log: str) -> str:
    """Make of the end of a log what a person can read: the last error, or what was said without being an event.

    Events are JSON objects, one a line; what a command says for a person, or Python when it breaks, is plain text.
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    if plain := [line for line in lines if not line.startswith("{")]:
        broke = [at for at, line in enumerate(plain) if line.startswith("Traceback ")]
        # The exception stands below the calls, which are indented; what gunicorn adds below it tells nothing.
        raised = [line for line in plain[broke[-1] + 1 :] if not line.startswith(" ")] if broke else []
        return " ".join(raised[:1] or [line.strip() for line in plain[-MOST_LINES:]])[:500]
    events = [event for event in map(_event, lines) if event.get("level") in {"error", "critical"}]
    if not events:
        return ""
    last = events[-1]
    told = last.get("detail") or str(last.get("exception", "")).strip().rpartition("\n")[2]
    return f"{last.get('event')}{f': {told}' if told else ''}"[:500]


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 -- our own http address on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def port_is_free(port: int) -> bool:
    """Tell whether we could listen on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(file: Path, wanted: int) -> int:
    """Take the wanted port, or the remembered one if it is free, or a new one, and remember it.

    Raises:
        CannotStart: the wanted one is in use.
    """
    if wanted:
        if not port_is_free(wanted):
            raise CannotStart(f"Port {wanted} for the sandbox is in use; set POSTCARD_SANDBOX_PORT to another one.")
        return wanted
    remembered = int(file.read_text()) if file.exists() else 0
    if remembered and port_is_free(remembered):
        return remembered
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file.write_text(str(port))
    return port


def require_room(folder: Path) -> None:
    """Refuse to start on a full disk, where half of everything would fail later.

    Raises:
        CannotStart: less than 300 MB are free.
    """
    free = shutil.disk_usage(folder).free
    if free < MINIMUM_FREE_BYTES:
        raise CannotStart(
            f"The disk of {folder} has {free / 1e6:.0f} MB left; Postcard needs {MINIMUM_FREE_BYTES / 1e6:.0f} MB to work.",
            free_bytes=free,
        )


def runs_on(folder: Path) -> int:
    """Name the process of `postcard run` that has a data folder; 0 when none has."""
    try:
        with (folder / "run.lock").open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read().strip() or 0)
    except FileNotFoundError:
        pass
    return 0


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Let one `run` use a data folder; the lock ends with the process, however it ends.

    Raises:
        CannotStart: another one has it.
    """
    try:
        opened = (folder / "run.lock").open("a+")
    except OSError as error:
        raise CannotStart(f"Cannot write in {folder}: {error.strerror}.", folder=str(folder)) from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise CannotStart(
                f"Postcard runs on {folder} already (process {lock.read().strip() or 'unknown'}). Stop it, or use another "
                "folder and port: POSTCARD_DATA_DIR=data2 POSTCARD_WEB_PORT=8001 make run"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
