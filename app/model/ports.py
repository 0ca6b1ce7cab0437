"""What the path asks of the outside. Adapters: S3Store (host), OpenMarketGateway (send), HueyQueue (work)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.model.messages import Outcome, Outgoing


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store describes it now. ``expires_at`` is when a lifecycle rule would remove it, None = none says so."""

    key: str
    bytes: int
    content_type: str
    cache_control: str
    etag: str
    sha256: str
    stored_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Link:
    """Where the world fetches a key; ``expires_at`` is when a signed one ends, None = never by itself."""

    url: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a list of the bucket names it."""

    key: str
    bytes: int
    stored_at: datetime


class Store(Protocol):
    """Where bytes are kept, addressed by their content.

    Every method raises StoreUnavailable (try again) or StoreMisconfigured (rights, bucket); none returns half a truth.
    """

    def put_media(self, path: Path, *, sha256: str, content_type: str) -> Stored:
        """Host a rendition under its public key; the same bytes twice is a success and one object."""

    def put_original(self, path: Path, *, sha256: str, content_type: str) -> Stored:
        """Keep an upload under its private key; the same bytes twice is a success and one object."""

    def describe(self, key: str) -> Stored:
        """Look at one object. Raises NotFound."""

    def renew(self, key: str) -> Stored:
        """Restart the lifecycle clock of an object without changing it. Raises NotFound."""

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes of ``key`` to ``path``, checked against the store's checksum. Raises NotFound."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is a success."""

    def erase(self, key: str) -> None:
        """Remove an object with all of its versions, so that nobody can bring it back; none there is a success."""

    def uncache(self, keys: Sequence[str]) -> None:
        """Have the CDN in front of the store forget these keys; where there is none, nothing is to be done."""

    def list_keys(self, prefix: str) -> Iterator[Listed]:
        """List every object under ``prefix``, in the order of the keys, page by page."""

    def lifecycle_days(self) -> int | None:
        """After how many days the bucket's own rules remove public media; None = never."""

    def link_to(self, key: str) -> Link:
        """Tell where the world fetches a public key; where links are signed, each call signs anew."""

    def url_of(self, key: str) -> str:
        """Tell the URL of :meth:`link_to` alone."""


class Gateway(Protocol):
    """Where messages are handed over."""

    @property
    def connections(self) -> int:
        """How many requests may be under way at once; groups are no larger."""

    def send_group(self, group: Iterable[Outgoing], *, pace: Callable[[], None]) -> Iterator[Outcome]:
        """Send each request once and yield its outcome as it is known, in any order; ``pace`` is called before each start.

        Never raises for a single request: what is not certain comes back as *unknown*.
        """


class Queue(Protocol):
    """Where work is announced, only after commit. Losing an announcement loses nothing: the sweeper finds the row."""

    def announce(self, job_id: str) -> None:
        """Tell the workers that a job row is due."""


class Clock(Protocol):
    """Time as an object, so that tests can move it."""

    def now(self) -> datetime:
        """The time now, aware, UTC."""
