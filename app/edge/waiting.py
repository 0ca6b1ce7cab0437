"""Who may hold a thread of the web for long: reports of OpenMarket, which ask for one for milliseconds, must not stand behind.

Receiving an upload, probing it, making a rendition or a picture that is shown, and deleting at a store that is slow take up to a
minute each. At most half of the threads do such work; of those, half wait for the worker, so that uploads go on coming in.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from flask import current_app, request

from app.duties.postcard import Postcard
from app.errors import DecoderBusy
from app.model.media import Asset, AssetState
from app.records.assets import get_asset

P = ParamSpec("P")
T = TypeVar("T")

_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])")
_LOOK_SECONDS = 0.1
MAX_WAIT_SECONDS = 100
_NAME = "postcard-patience"


class Patience:
    """The places of one web process for requests that take long.

    Args:
        threads: of the web server.
    """

    def __init__(self, threads: int) -> None:
        self.most = max(1, threads // 2)
        self._working = BoundedSemaphore(self.most)
        self._waiting = BoundedSemaphore(max(1, threads // 4))

    @contextmanager
    def work(self) -> Iterator[None]:
        """Take a place for long work.

        Raises:
            DecoderBusy: all are taken; nothing was begun.
        """
        if not self._working.acquire(blocking=False):
            raise DecoderBusy(f"{self.most} uploads and other requests that take long are under way already.")
        try:
            yield
        finally:
            self._working.release()

    @contextmanager
    def wait(self) -> Iterator[bool]:
        """Take a place for waiting; gives whether there was one."""
        found = self._waiting.acquire(blocking=False)
        try:
            yield found
        finally:
            if found:
                self._waiting.release()


def install(extensions: dict[str, object], threads: int) -> None:
    """Put the places where requests find them."""
    extensions[_NAME] = Patience(threads)


def patience() -> Patience:
    """Find the places of this application."""
    found: Patience = current_app.extensions[_NAME]
    return found


def takes_long(view: Callable[P, T]) -> Callable[P, T]:
    """Let a view be carried out only where it leaves half of the threads to others; 503 *decoder-busy* otherwise."""

    @wraps(view)
    def placed(*args: P.args, **kwargs: P.kwargs) -> T:
        with patience().work():
            return view(*args, **kwargs)

    return placed


def preferred_wait() -> int | None:
    """Read `Prefer: wait=N` (RFC 7240), at most 100 seconds; None when the caller has no wish."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else None


def wait_until_fitted(post: Postcard, asset: Asset, *, seconds: float) -> Asset:
    """Look at the records until the asset is no longer *fitting*, or the time is over; not at all when too many wait."""

    def look() -> Asset:
        with post.database.read() as connection:
            return get_asset(connection, asset.id)

    return look_until(asset, look, lambda seen: seen.state is not AssetState.FITTING, seconds=seconds)


def look_until(seen: T, look: Callable[[], T], done: Callable[[T], bool], *, seconds: float) -> T:
    """Look again and again until what is seen is done, or the time is over; not at all when too many wait."""
    deadline = time.monotonic() + seconds
    with patience().wait() as found:
        while found and not done(seen) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            seen = look()
    return seen
