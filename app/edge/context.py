"""What a request works with: the path, and what the edge remembers for a moment. Kept on the application, nothing global."""

import time
from dataclasses import dataclass, field
from functools import partial
from threading import BoundedSemaphore, Lock

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
    # Uploads that wait for their renditions hold a thread each; some threads stay free for everybody else.
    waiting: BoundedSemaphore = field(init=False)
    figures: CollectorRegistry = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(partial(take_callbacks, self.post))
        self.figures = CollectorRegistry()
        self.figures.register(RowFigures(self.post))
        self.waiting = BoundedSemaphore(max(1, self.post.settings.web.threads * 3 // 4))

    def lifecycle_days(self) -> int | None:
        """Tell after how many days the bucket's rules remove media; the setting when the store does not answer."""
        with self._lock:
            if time.monotonic() - self._read_at >= _LIFECYCLE_SECONDS:
                try:
                    self._lifecycle_days = self.post.store.lifecycle_days()
                    self._read_at = time.monotonic()
                except PostcardError:
                    return self.post.settings.lease.lifecycle_days
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
