"""One test run at a time installs what all runs of an environment share."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one_installs(name: str) -> Iterator[None]:
    """Let other test runs of the same environment wait while this one installs ``name``; a run that dies lets go."""
    with (Path(sys.prefix) / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
