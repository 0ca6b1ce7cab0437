"""What the path asks of the outside. Adapters: S3Store (host), OpenMarketGateway (send), HueyQueue (work)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
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


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that a browser may make in our name, with exactly these headers and a body of exactly ``bytes`` bytes."""

    method: str
    url: str
    headers: dict[str, str]
    bytes: int


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """One part of an upload that the store has; ``sha256`` is empty where the store does not tell it."""

    number: int
    bytes: int
    etag: str
    sha256: str


class Stream(Protocol):
    """Bytes on their way."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; none = the end."""


class Incoming(Protocol):
    """Uploads that go straight to the store. A name is one upload; every method raises what those of the store do."""

    @property
    def part_bytes(self) -> int:
        """Length of a part; the last may be shorter."""

    def begin_parts(self, name: str) -> str:
        """Begin an upload in parts; tell the store's id of it."""

    def sign_put(self, name: str, *, size: int, sha256: str) -> SignedRequest:
        """Sign the PUT of one file of exactly these bytes."""

    def sign_part(self, name: str, multipart_id: str, number: int, *, size: int, sha256: str) -> SignedRequest:
        """Sign the PUT of one part of exactly these bytes."""

    def received_parts(self, name: str, multipart_id: str) -> list[ReceivedPart]:
        """List the parts that the store has. Raises NotFound."""

    def complete(self, name: str, multipart_id: str, parts: Sequence[ReceivedPart]) -> None:
        """Put the parts together; an upload that is together already is a success."""

    def size_of(self, name: str) -> int:
        """Tell how many bytes arrived. Raises NotFound."""

    def opened(self, name: str) -> AbstractContextManager[Stream]:
        """Give what arrived as a stream. Raises NotFound."""

    def discard(self, name: str, multipart_id: str = "") -> None:
        """Forget an upload, whole or in parts; one that is not there is a success."""


class Store(Protocol):
    """Where bytes are kept, addressed by their content.

    Every method raises StoreUnavailable (try again) or StoreMisconfigured (rights, bucket); none returns half a truth.
    """

    @property
    def incoming(self) -> Incoming:
        """Uploads that go straight to the store."""

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
