"""Ids: a prefix that tells the kind, then the time, then chance; those of one process sort in the order they were made."""

import secrets
import threading
import time
from typing import Literal

Prefix = Literal["ast", "rnd", "cmp", "msg", "att", "rpt", "mo", "job", "tok", "usr", "snd", "req", "aud", "upl", "fit"]


_CHANCE_BITS = 48


class _Sequence:
    """The numbers of this process's ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """Make a number of 96 bits, time before chance, greater than every one before, also when the clock is set back."""
        fresh = time.time_ns() // 1_000_000 << _CHANCE_BITS | secrets.randbits(_CHANCE_BITS)
        with self._lock:
            self._last = max(fresh, self._last + 1 + secrets.randbits(32))
            return self._last


_sequence = _Sequence()


def new_id(prefix: Prefix) -> str:
    """Make an id such as ``ast_01930a2b3c4d9f8e7d6c5b4a``: 12 hex digits of milliseconds, 12 of chance.

    Within a millisecond each is greater than the one before by chance, as UUIDv7 has it (RFC 9562, 6.2, method 2): two messages
    of a number that came together keep their order.
    """
    return f"{prefix}_{_sequence.next():024x}"
