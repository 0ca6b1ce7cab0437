"""A data centre: it fetches links for itself, keeps them as long as their headers allow, and says what it cannot use."""

import email.utils
import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urljoin

from app.sandbox.mime import parse_media_type
from app.sandbox.options import SandboxOptions
from app.sandbox.rules import Result, Source, Verdict
from app.sandbox.sniff import sniff, types_agree
from app.sandbox.wire import WireAnswer, WireFailed, get

_MOST_URLS = 1000
_THREE_DAYS = 259_200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USABLE = re.compile(r"(?:image|video|audio|text)/[^\s]+|application/(?:smil|pdf|ogg|mp4|x-pkpass|vnd\.\S+)")
_NEVER_SHOWN = frozenset({"text/html"})


@dataclass(frozen=True, slots=True)
class Fetch:
    """One data centre got one link, from its cache or anew; ``kept_seconds`` is how long it may be kept."""

    centre: int
    url: str
    fetched_at: datetime
    from_cache: bool
    status: int
    content_type: str
    bytes: int
    sha256: str
    seconds: float
    kept_seconds: float
    usable: bool
    verdicts: tuple[Verdict, ...]


class Blobs:
    """Fetched bytes by SHA-256, the least recently used going first when they are over ``max_bytes`` together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def put(self, data: bytes) -> str:
        """Keep ``data``; give its SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            if sha256 not in self._held:
                self._held[sha256] = data
                self._bytes += len(data)
            self._held.move_to_end(sha256)
            while self._bytes > self._max_bytes and len(self._held) > 1:
                self._bytes -= len(self._held.popitem(last=False)[1])
        return sha256

    def get(self, sha256: str) -> bytes | None:
        """Give the bytes, or None when they were never here or had to go."""
        with self._lock:
            if sha256 in self._held:
                self._held.move_to_end(sha256)
            return self._held.get(sha256)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._bytes = 0


class DataCentre:
    """Number 1 or 2. One URL is fetched once at a time; others who want it wait and take the cached answer."""

    def __init__(self, number: int, blobs: Blobs) -> None:
        self.number = number
        self._blobs = blobs
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Fetch]] = OrderedDict()
        # What each URL held, and when a message last named it.
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._under_way: dict[str, threading.Lock] = {}

    def clear(self) -> None:
        """Forget what is cached."""
        with self._lock:
            self._kept.clear()
            self._seen.clear()

    def fetch(self, url: str, options: SandboxOptions) -> Fetch:
        """Get ``url`` from the cache, or from its host; never raises for what the host does."""
        with self._lock:
            turn = self._under_way.setdefault(url, threading.Lock())
        with turn:
            fetch = self._from_cache(url) or self._fetch_anew(url, options)
        with self._lock:
            self._under_way.pop(url, None)
        return fetch

    def _fetch_anew(self, url: str, options: SandboxOptions) -> Fetch:
        fetch = fetch_link(url, self.number, options, self._blobs)
        if not fetch.usable:
            return replace(fetch, verdicts=(*fetch.verdicts, *self._judge_absence(url)))
        with self._lock:
            fetch = replace(fetch, verdicts=(*fetch.verdicts, self._judge_novelty(url, fetch.sha256)))
            if fetch.kept_seconds > 0:
                self._kept[url] = (time.monotonic() + fetch.kept_seconds, fetch)
            for remembered in (self._kept, self._seen):
                if len(remembered) > _MOST_URLS:
                    remembered.popitem(last=False)
        return fetch

    def _judge_novelty(self, url: str, sha256: str) -> Verdict:
        before, _ = self._seen.get(url, (sha256, 0.0))
        self._seen[url] = sha256, time.monotonic()
        if before == sha256:
            return Verdict(23, "", Result.PASS, Source.PAGE, "the same bytes at this URL as ever")
        words = "other bytes at this URL than before; a cache may still send the old ones"
        return Verdict(23, "", Result.WARNING, Source.PAGE, words)

    def _judge_absence(self, url: str) -> Iterator[Verdict]:
        """Judge what cannot be used now and could be before; what was never there is no matter of time."""
        with self._lock:
            _, named_at = self._seen.get(url, ("", None))
        ago = None if named_at is None else time.monotonic() - named_at
        if ago is not None and ago < _THREE_DAYS:
            words = (
                f"a message named it {ago:.0f} s ago, and it could be used then; it must stay for three days after that"
            )
            yield Verdict(22, "", Result.FAIL, Source.PAGE, words)

    def _from_cache(self, url: str) -> Fetch | None:
        with self._lock:
            until, fetch = self._kept.get(url, (0.0, None))
            if fetch is None or until <= time.monotonic() or self._blobs.get(fetch.sha256) is None:
                return None
            self._seen[url] = fetch.sha256, time.monotonic()
        return replace(fetch, from_cache=True, fetched_at=datetime.now(UTC), seconds=0.0)


def _follow(url: str, options: SandboxOptions, centre: int) -> tuple[WireAnswer, list[str]]:
    seen: list[str] = []
    headers = {"User-Agent": f"postcard-sandbox/1 (data centre {centre})", "Accept": "*/*"}
    while True:
        answer = get(url, headers=headers, seconds=options.fetch_seconds, max_bytes=options.fetch_max_bytes)
        if answer.status not in _REDIRECTS or "location" not in answer.headers:
            return answer, seen
        url = urljoin(url, answer.headers["location"])
        seen.append(url)
        if len(seen) > 5:
            raise WireFailed("more than five redirects")


def fetch_link(url: str, centre: int, options: SandboxOptions, blobs: Blobs) -> Fetch:
    """Fetch and judge one link, without a cache."""
    began, at = time.monotonic(), datetime.now(UTC)
    try:
        answer, redirects = _follow(url, options, centre)
    except WireFailed as failed:
        verdict = Verdict(20, "fetch", Result.FAIL, Source.PAGE, f"could not be fetched: {failed}")
        return Fetch(centre, url, at, False, 0, "", 0, "", time.monotonic() - began, 0.0, False, (verdict,))
    verdicts = judge_answer(answer, redirects, options)
    usable = all(verdict.result is not Result.FAIL for verdict in verdicts)
    return Fetch(
        centre=centre,
        url=url,
        fetched_at=at,
        from_cache=False,
        status=answer.status,
        content_type=answer.headers.get("content-type", ""),
        bytes=len(answer.body),
        sha256=blobs.put(answer.body) if usable else "",
        seconds=round(time.monotonic() - began, 4),
        kept_seconds=min(freshness(answer.headers, datetime.now(UTC))[0], options.cache_max_seconds),
        usable=usable,
        verdicts=tuple(verdicts),
    )


def judge_answer(answer: WireAnswer, redirects: list[str], options: SandboxOptions) -> list[Verdict]:
    """Judge hosted content by rules 20 to 25: not 200, no or a wrong Content-Type, too long: not usable."""
    if answer.status != 200:
        return [Verdict(20, "status", Result.FAIL, Source.INFERRED, f"must be 200, is {answer.status}")]
    verdicts = [_judge_type(answer)]
    if answer.too_long or not answer.body:
        words = f"longer than {options.fetch_max_bytes} bytes" if answer.too_long else "no bytes"
        verdicts.append(Verdict(20, "body", Result.FAIL, Source.OURS, words))
    seconds, words = freshness(answer.headers, datetime.now(UTC))
    if seconds >= _THREE_DAYS:
        verdicts.append(Verdict(21, "", Result.PASS, Source.PAGE, words))
    else:
        verdicts.append(Verdict(21, "", Result.WARNING, Source.OURS, f"{words}; ours: three days at least"))
    if redirects:
        words = f"redirected to {redirects[-1][:120]}; nobody says that OpenMarket follows"
        verdicts.append(Verdict(25, "redirect", Result.WARNING, Source.INFERRED, words))
    if "content-length" not in answer.headers:
        verdicts.append(Verdict(25, "Content-Length", Result.WARNING, Source.INFERRED, "no Content-Length"))
    return verdicts


def _judge_type(answer: WireAnswer) -> Verdict:
    named = answer.headers.get("content-type", "")
    kind = parse_media_type(named).type
    found = sniff(answer.body)
    if not kind:
        return Verdict(20, "Content-Type", Result.FAIL, Source.PAGE, "no Content-Type that can be read")
    if not _USABLE.fullmatch(kind) or kind in _NEVER_SHOWN:
        return Verdict(20, "Content-Type", Result.FAIL, Source.INFERRED, f"{kind} is nothing that a phone can show")
    if found and not types_agree(kind, found):
        return Verdict(20, "Content-Type", Result.FAIL, Source.PAGE, f"says {kind}, but the bytes are {found}")
    return Verdict(20, "Content-Type", Result.PASS, Source.PAGE, named[:80])


def freshness(headers: Mapping[str, str], now: datetime) -> tuple[float, str]:
    """Tell for how many seconds an answer may be kept, and why; ``headers`` have lower-case names."""
    control = headers.get("cache-control", "").lower()
    directives = dict(re.findall(r"([a-z-]+)(?:\s*=\s*\"?([^\s,\"]+))?", control))
    age = headers.get("age", "0")
    spent = float(age) if age.isdigit() else 0.0
    for name in ("no-store", "no-cache"):
        if name in directives:
            return 0.0, f"Cache-Control: {name}; not kept at all"
    for name in ("s-maxage", "max-age"):
        if directives.get(name, "").isdigit():
            seconds = max(0.0, float(directives[name]) - spent)
            return seconds, f"Cache-Control: {name} allows {seconds:.0f} seconds"
    if "expires" in headers:
        try:
            until = email.utils.parsedate_to_datetime(headers["expires"])
        except ValueError:
            return 0.0, "Expires cannot be read, so it counts as past"
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = max(0.0, (until - now).total_seconds())
        return seconds, f"Expires allows {seconds:.0f} seconds"
    return 0.0, "neither Cache-Control nor Expires; not kept"
