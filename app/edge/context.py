"""What a request works with: the path, and what the edge remembers for a moment. Kept on the application, nothing global."""

import time
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from flask import current_app, request
from prometheus_client import CollectorRegistry

from app.duties.intake import Intake
from app.duties.postcard import Postcard
from app.edge.figures import RowFigures
from app.errors import PostcardError
from app.pipeline import take_callbacks

_LIFECYCLE_SECONDS = 60.0
_NAME = "postcard"


@dataclass
class Edge:
    """The path, and the bucket's lifecycle as read within the last minute."""

    post: Postcard
    _lifecycle_days: int | None = None
    _read_at: float = field(default=-_LIFECYCLE_SECONDS)
    _lock: Lock = field(default_factory=Lock)
    figures: CollectorRegistry = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(partial(take_callbacks, self.post))
        self.figures = CollectorRegistry()
        self.figures.register(RowFigures(self.post))

    def lifecycle_days(self) -> int | None:
        """Tell after how many days the bucket's rules remove media; the setting when the store does not answer.

        One request at a time asks the store, which may take long to say nothing; the others take what is known.
        """
        if time.monotonic() - self._read_at < _LIFECYCLE_SECONDS:
            return self._lifecycle_days
        if not self._lock.acquire(blocking=False):
            return self._lifecycle_days or self.post.settings.lease.lifecycle_days
        try:
            self._lifecycle_days = self.post.store.lifecycle_days()
            self._read_at = time.monotonic()
        except PostcardError:
            return self.post.settings.lease.lifecycle_days
        finally:
            self._lock.release()
        return self._lifecycle_days


def install(extensions: dict[str, object], post: Postcard) -> None:
    """Put the path where requests find it."""
    extensions[_NAME] = Edge(post)


def edge() -> Edge:
    """Find what the application of this request works with."""
    found: Edge = current_app.extensions[_NAME]
    return found


def path_for_log() -> str:
    """Tell the path of this request, without the secret of the callback address, which also comes with wrong methods."""
    return request.path if not request.path.startswith("/callbacks") else "/callbacks/openmarket/..."


def the_post() -> Postcard:
    """Find the path of this application."""
    return edge().post
