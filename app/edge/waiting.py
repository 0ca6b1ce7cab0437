"""Waiting for the worker: an upload is answered when its renditions are made, or after some seconds."""

import re
import time

from flask import request

from app.duties.postcard import Postcard
from app.edge.context import Edge
from app.model.media import Asset, AssetState
from app.records.assets import get_asset

_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])")
_LOOK_SECONDS = 0.1
MAX_WAIT_SECONDS = 100


def preferred_wait() -> int | None:
    """Read `Prefer: wait=N` (RFC 7240), at most 100 seconds; None when the caller has no wish."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else None


def wait_until_fitted(edge: Edge, asset: Asset, *, seconds: float) -> Asset:
    """Look at the records until the asset is no longer *fitting*, or the time is over; not at all when too many wait."""
    if not edge.waiting.acquire(blocking=False):
        return asset
    try:
        return _look_until_fitted(edge.post, asset, deadline=time.monotonic() + seconds)
    finally:
        edge.waiting.release()


def _look_until_fitted(post: Postcard, asset: Asset, *, deadline: float) -> Asset:
    while asset.state is AssetState.FITTING and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        with post.database.read() as connection:
            asset = get_asset(connection, asset.id)
    return asset
