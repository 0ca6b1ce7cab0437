"""What the confined processes of these tests are asked to do."""

import os
import resource
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from app.errors import CannotFit
from app.model.media import Budget, Fitted, Quality


@dataclass(frozen=True, slots=True)
class Place:
    pid: int
    parent: int


def where() -> Place:
    return Place(os.getpid(), os.getppid())


def fitted(path: Path, budget: Budget, *, given_up: tuple[str, ...] = ()) -> Fitted:
    quality = Quality(encoder="none", ssim=0.5)
    return Fitted(path, budget.content_types[0], budget.max_bytes, "0" * 64, 1, 1, False, quality, given_up)


def refuse(limit_bytes: int) -> int:
    raise CannotFit("It is too long.", limit_bytes=limit_bytes, best_bytes=limit_bytes + 1)


def raise_value_error() -> int:
    raise ValueError("no")


def eat_memory(size: int) -> int:
    return len(bytearray(size))


def burn() -> int:
    while True:
        pass


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def start_and_sleep(note: Path) -> int:
    with subprocess.Popen(["sleep", "600"]) as child:
        note.write_text(str(child.pid))
        time.sleep(600)
    return 0


def crash() -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def leave() -> int:
    os._exit(3)


def write(path: Path, size: int) -> int:
    return path.write_bytes(b"x" * size)


def lie() -> int:
    return cast("int", "not a number")


def environment() -> list[str]:
    return sorted(os.environ)


def core_limit() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_CORE)


def reach(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
