"""Ids: a prefix that tells the kind, then the time, then chance; they sort by creation."""

import secrets
import time
from typing import Literal

Prefix = Literal["ast", "rnd", "cmp", "msg", "att", "rpt", "mo", "job", "tok", "usr", "snd", "req", "aud", "upl", "fit"]


def new_id(prefix: Prefix) -> str:
    """Make an id such as ``ast_01930a2b3c4d9f8e7d6c5b4a``: 12 hex digits of milliseconds, 12 of chance."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"
