"""Our end of the nursery: starts it, asks it to fork decoders and to tell how they ended."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from app.confine.decoder import Limits
from app.errors import CannotStart

_START_SECONDS = 60.0
_CLOSE_SECONDS = 10.0
# One thread a decoder: the pool is the parallelism, and a library's own threads do not survive a fork.
# glibc keeps up to 16 MB of what is freed for the next buffer, instead of pages that the kernel must clear again: 2 to 7 % of a
# photograph's CPU; what is longer than 8 MB it gives back at once, so that a decoder takes no more memory at its most.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LANG": "C.UTF-8",
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}


class NurseryGoneError(Exception):
    """The fork server does not answer."""


@dataclass(slots=True)
class Decoder:
    """A forked process: ``sock`` carries jobs, ``jobs`` counts them."""

    pid: int
    sock: socket.socket
    jobs: int = 0

    def is_quiet(self) -> bool:
        """Tell whether an idle decoder lives: one that died, or speaks unasked, is readable."""
        heard = select.poll()  # select.select takes no descriptor from 1,024 on, and a busy web server has more
        heard.register(self.sock, select.POLLIN)
        return not heard.poll(0)


class Nursery:
    """Our end of the fork server; used under the pool's lock."""

    def __init__(self, preload: Sequence[str], limits: Limits) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told = json.dumps({"preload": list(preload), "limits": asdict(limits)})
        paths = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.confine.nursery", str(theirs.fileno()), told],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": paths},
                start_new_session=True,
            )
        self.control.settimeout(_START_SECONDS)
        try:
            self._answer()
        except NurseryGoneError as gone:
            self.close()
            raise CannotStart(f"The decoders do not start ({', '.join(preload)}).") from gone

    def fork(self) -> Decoder:
        """Have a decoder forked, and keep the other end of its socket.

        Raises:
            NurseryGoneError: nobody is there to fork.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self.control, [b'{"do":"fork"}'], [theirs.fileno()])
                return Decoder(int(self._answer()["pid"]), ours)
            except (OSError, NurseryGoneError) as gone:
                ours.close()
                raise NurseryGoneError from gone

    def end(self, decoder: Decoder) -> int:
        """Kill a decoder with all that it started, and tell how it ended: the status of waitpid.

        Raises:
            NurseryGoneError: nobody is there to reap it.
        """
        decoder.sock.close()
        # It is not reaped yet, so this number is still its own; it leads a group of what it started.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(decoder.pid, signal.SIGKILL)
        try:
            self.control.send(json.dumps({"do": "reap", "pid": decoder.pid}).encode())
            return int(self._answer()["status"])
        except OSError as gone:
            raise NurseryGoneError from gone

    def _answer(self) -> dict[str, Any]:
        try:
            answer = self.control.recv(4096)
        except OSError as gone:
            raise NurseryGoneError from gone
        if not answer:
            raise NurseryGoneError
        return cast("dict[str, Any]", json.loads(answer))

    def close(self) -> None:
        """Close our end: the nursery kills its children and ends."""
        self.control.close()
        try:
            self.process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
