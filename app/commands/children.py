"""Child processes of `postcard run`, the folder's lock, and the ports."""

import ctypes
import fcntl
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

from app.errors import CannotStart

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
MINIMUM_FREE_BYTES = 300_000_000
MAX_LOG_BYTES = 10_000_000
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Run in the child before exec: a parent that is killed takes its children along, so no stale process is left."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One `postcard COMMAND` with its log in a file; ``ready_url`` answers 200 once it serves."""

    def __init__(self, command: str, logs: Path, environment: Mapping[str, str], ready_url: str = "") -> None:
        self.command = command
        self._log = logs / f"{command}.log"
        self._environment = environment
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C is for us, and we stop it in order."""
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", self.command],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 -- this process has one thread until here
            )

    def wait_until_ready(self) -> None:
        """Wait until it serves.

        Raises:
            CannotStart: it ended, or does not answer in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while self._ready_url and not _answers(self._ready_url):
            self.require_running()
            if time.monotonic() > deadline:
                raise CannotStart(f"{self.command} did not answer within {READY_SECONDS:g} s; see {self._log}.")
            time.sleep(0.05)
        self.require_running()

    def require_running(self) -> None:
        """Notice an end.

        Raises:
            CannotStart: it ended; with the last line of its log.
        """
        code = self._process.poll() if self._process else 0
        if code is not None:
            raise CannotStart(f"{self.command} ended (code {code}): {self._last_words()} The log is {self._log}.")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return lines[-1][:500] if lines else "It said nothing."

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
