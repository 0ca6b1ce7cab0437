"""One decoder process: it limits itself, then does one job at a time until its socket closes."""

import ctypes
import os
import pathlib
import resource
import signal
import socket
import sys
import traceback
from dataclasses import dataclass

from app.confine import wire
from app.errors import PostcardError

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoder may use: address space beyond the warm start, CPU seconds a job, length of one file."""

    memory_bytes: int
    cpu_seconds: float
    file_bytes: int


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends, and let it gain no rights (Linux)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def leave_the_network() -> bool:
    """Move into an empty network namespace, where the kernel lets us: a decoder that is taken over reaches nobody.

    Root may do so as it is; others by way of a user namespace, which containers often forbid. Returns whether it worked.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _address_space() -> int:
    """Tell the bytes of address space that the preloaded libraries map; 0 where the kernel does not tell."""
    try:
        with pathlib.Path("/proc/self/statm").open(encoding="ascii") as pages:
            return int(pages.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _lower(what: int, soft: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _confine(limits: Limits) -> None:
    die_with_parent()
    space = _address_space() + limits.memory_bytes
    for what, value in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def _allow_cpu(seconds: float) -> None:
    """Grant ``seconds`` of CPU from now on: the kernel counts the whole life of a process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _do(request: bytes) -> bytes:
    try:
        call, arguments = wire.decode_call(request)
        return wire.encode_result(call, call(**arguments))
    except PostcardError as refused:
        return wire.encode_error(refused)
    except Exception as failed:  # noqa: BLE001 -- whatever a decoder library raises must reach the pool as an answer
        return wire.encode_failure(type(failed).__name__, traceback.format_exc())


def serve(sock: socket.socket, limits: Limits) -> None:
    """Do jobs until the pool closes its end."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.setsid()
    _confine(limits)
    while True:
        try:
            request = wire.receive_frame(sock)
        except wire.DecoderDiedError:
            return
        _allow_cpu(limits.cpu_seconds)
        wire.send_frame(sock, _do(request))
