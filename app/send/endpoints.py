"""Which endpoint takes the next request: in order of preference, spread within a data centre, around what fails.

The direct names and their data centres are those of OpenMarket's page on direct data center connections. Two neighbours
in the list that belong to one data centre are equally good and take turns; any other endpoint is a place of its own.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.errors import SettingsInvalid

DATA_CENTRES: dict[str, str] = {
    "mmsc-01.openmarket.com": "one",
    "mmsc-02.openmarket.com": "one",
    "mmsc-03.openmarket.com": "two",
    "mmsc-04.openmarket.com": "two",
}
LEFT_SECONDS = 30.0  # how long an endpoint that failed is left alone
DOUBTS = 3  # answers in a row that prove nothing, after which an endpoint counts as failed


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sandbox_page(url: str) -> str:
    """Name the page of the sandbox behind an endpoint; empty for one that is not on this machine."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/" if is_loopback(url) else ""


def check_endpoints(urls: Sequence[str]) -> None:
    """Refuse endpoints that would carry credentials in the clear or could not be used.

    Raises:
        SettingsInvalid: none at all, or http to anywhere but loopback, or a user or query in a URL.
    """
    mistakes = [] if urls else ["POSTCARD_OPENMARKET_ENDPOINTS names no endpoint"]
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
            mistakes.append(f"{parts.hostname}: an endpoint that is not on this machine needs https")
        if parts.username or parts.password or parts.query or parts.fragment:
            mistakes.append(f"{parts.hostname}: an endpoint holds no user, query or fragment")
    if mistakes:
        raise SettingsInvalid("; ".join(mistakes), mistakes=mistakes)


@dataclass(slots=True)
class _Health:
    left_until: float = 0.0
    doubts: int = 0


class Endpoints:
    """The endpoints of one gateway; safe to use from many threads."""

    def __init__(
        self, urls: Sequence[str], *, left_seconds: float = LEFT_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        check_endpoints(urls)
        self._places = _group(urls)
        self._health = {url: _Health() for url in urls}
        self._left_seconds = left_seconds
        self._now = now
        self._turn = 0
        self._all_well = True  # nothing is held against any endpoint; read without the lock, written with it
        self._lock = threading.Lock()

    def choose(self, tried: Collection[str] = ()) -> str | None:
        """Choose the next endpoint for a request that was tried at ``tried``; None when there is no other.

        Endpoints that failed lately come last, the one that is due soonest first: with all of them down, each request
        still tries each once, so the first to come back is found.
        """
        if self._all_well and not tried:
            self._turn += 1
            best = self._places[0]
            return best[self._turn % len(best)]
        with self._lock:
            self._turn += 1
            now = self._now()
            for place in self._places:
                fit = [url for url in place if url not in tried and self._health[url].left_until <= now]
                if fit:
                    return fit[self._turn % len(fit)]
            rest = [url for url in self._health if url not in tried]
            return min(rest, key=lambda url: self._health[url].left_until, default=None)

    def note_failed(self, url: str) -> bool:
        """No connection came about: leave this endpoint for a while.

        Returns:
            whether it was thought to be well until now.
        """
        with self._lock:
            self._all_well = False
            was_well = self._health[url].left_until <= self._now()
            self._health[url] = _Health(self._now() + self._left_seconds)
            return was_well

    def note_doubt(self, url: str) -> None:
        """A request left and nothing that proves anything came back; several in a row are a failure."""
        with self._lock:
            self._all_well = False
            health = self._health[url]
            health.doubts += 1
            if health.doubts >= DOUBTS:
                self._health[url] = _Health(self._now() + self._left_seconds)

    def note_answered(self, url: str) -> None:
        """The endpoint answered as OpenMarket does: all is forgotten."""
        if not self._all_well:
            with self._lock:
                self._health[url] = _Health()
                self._all_well = all(each == _Health() for each in self._health.values())


def _group(urls: Sequence[str]) -> list[list[str]]:
    places: list[list[str]] = []
    last = None
    for url in urls:
        centre = DATA_CENTRES.get(urlsplit(url).hostname or "")
        if centre is not None and centre == last:
            places[-1].append(url)
        else:
            places.append([url])
        last = centre
    return places
