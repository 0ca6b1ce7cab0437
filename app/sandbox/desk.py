"""The desk: all state of one sandbox, and what happens to an accepted message after its answer."""

import json
import random
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from app.sandbox.arrivals import NOWHERE, Arrival, Arrivals, Posted
from app.sandbox.centre import Blobs, DataCentre, Fetch
from app.sandbox.faults import REPORT_KINDS, Fault, FaultBook
from app.sandbox.later import Later
from app.sandbox.numbers import ReportPlan, meaning_of
from app.sandbox.options import SandboxOptions
from app.sandbox.reports import early_part, plan_reports, report_body
from app.sandbox.wire import Poster, WireFailed


def new_request_id() -> str:
    """Make an X-Request-Id in the form of the page's example, 40 characters."""
    digits = secrets.token_hex(16).upper()
    return f"015-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Desk:
    """One sandbox: options, faults, what arrived, two data centres. Thread-safe; everything is in memory."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self._first_options = options
        self.faults = FaultBook(options.faults)
        self.arrivals = Arrivals(options.keep_messages, options.keep_bytes)
        self.inbound: list[Posted] = []
        self.blobs = Blobs(options.keep_bytes)
        self.centres = {number: DataCentre(number, self.blobs) for number in (1, 2)}
        self._fetching = Later(workers=8)
        self._reporting = Later(workers=8)
        self._poster = Poster()
        self._lock = threading.Lock()
        self._first_mt_id = random.randrange(10**14, 9 * 10**14)
        self._turn = 0

    def new_mt_id(self) -> int:
        """Make an mtId that was not given before; every third one is beyond 2^53, as real ones can be."""
        with self._lock:
            self._turn += 1
            return self._first_mt_id + self._turn + (2**53 if self._turn % 3 == 0 else 0)

    def reset(self) -> None:
        """Go back to the start: options, faults, caches, and nothing has arrived. What is under way still ends."""
        self._reporting.clear()
        self._fetching.clear()
        self.options = self._first_options
        self.faults.replace(self._first_options.faults)
        self.arrivals.clear()
        self.blobs.clear()
        for centre in self.centres.values():
            centre.clear()
        with self._lock:
            self.inbound.clear()

    @property
    def dropped(self) -> int:
        """Tell how many fetches and reports were never done, since too many were waiting."""
        return self._fetching.dropped + self._reporting.dropped

    def take_report_fault(self, destination: str) -> Fault | None:
        """Decide what goes wrong with the reports to this destination: its pattern first, then a standing fault."""
        asked = meaning_of(destination).report_fault
        if asked:
            return Fault(asked, seconds=5.0)
        return self.faults.take(REPORT_KINDS, destination)

    def process(self, arrival: Arrival) -> None:
        """Fetch the links of an accepted message in both data centres, then report. Returns at once.

        An *early* report is the exception: it is posted before this returns, so before the send is answered.
        """
        fault = self.take_report_fault(arrival.judgement.destination)
        if fault is not None and fault.kind == "reports_early":
            planned = plan_reports(arrival.judgement.destination, self.options, fault, usable=True)
            first, _ = early_part(planned, fault)
            if first is not None:
                self._report_first(arrival, first)
        urls = [content.url for content in arrival.judgement.contents if content.kind == "link"]
        running = [number for number in self.centres if not self.faults.down(number)]
        waiting = _Countdown(len(urls) * len(running), partial(self._plan, arrival, fault))
        for number in running:
            for url in urls:
                self._fetching.after(0.0, partial(self._fetch, arrival, number, url, waiting))

    def _fetch(self, arrival: Arrival, centre: int, url: str, waiting: "_Countdown") -> None:
        fetch: Fetch = self.centres[centre].fetch(url, self.options)
        arrival.fetches.append(fetch)
        waiting.one_done()

    def _plan(self, arrival: Arrival, fault: Fault | None) -> None:
        usable = all(fetch.usable for fetch in arrival.fetches)
        planned = plan_reports(arrival.judgement.destination, self.options, fault, usable=usable)
        _, planned = early_part(planned, fault)
        for seconds, plan in planned:
            self._reporting.after(seconds, partial(self._report_first, arrival, plan))

    def _report_first(self, arrival: Arrival, plan: ReportPlan) -> None:
        self._report(arrival, report_body(arrival.mt_id, plan), new_request_id(), 1)

    def _report(self, arrival: Arrival, body: dict[str, Any], request_id: str, attempt: int) -> None:
        if not self.options.callback_url:
            arrival.posted.append(Posted(datetime.now(UTC), attempt, request_id, 0, NOWHERE, body))
            return
        posted = self._post(json.dumps(body).encode(), "application/json", request_id)
        posted.attempt, posted.body = attempt, body
        arrival.posted.append(posted)
        if posted.status != 200 and attempt < self.options.report_attempts:
            again = partial(self._report, arrival, body, request_id, attempt + 1)
            self._reporting.after(self.options.report_retry_seconds * 2 ** (attempt - 1), again)

    def post_inbound(self, body: bytes, content_type: str, details: dict[str, Any]) -> Posted:
        """Post an inbound message to the callback, once, now."""
        posted = self._post(body, content_type, new_request_id())
        posted.body = details
        with self._lock:
            self.inbound.append(posted)
            del self.inbound[:-100]
        return posted

    def _post(self, body: bytes, content_type: str, request_id: str) -> Posted:
        headers = {"Content-Type": content_type, "X-Request-Id": request_id, "User-Agent": "postcard-sandbox/1"}
        at = datetime.now(UTC)
        try:
            answer = self._poster.post(self.options.callback_url, body, headers=headers, seconds=10.0)
        except WireFailed as failed:
            return Posted(at, 1, request_id, 0, str(failed), {})
        note = "" if answer.status == 200 else "must answer 200"
        if answer.status == 200 and answer.body:
            note = "must answer with an empty body"
        return Posted(at, 1, request_id, answer.status, note, {})


class _Countdown:
    """Does ``then`` once ``left`` things are done; at once when there is nothing to wait for."""

    def __init__(self, left: int, then: Callable[[], None]) -> None:
        self._left = left
        self._then = then
        self._lock = threading.Lock()
        if left == 0:
            then()

    def one_done(self) -> None:
        """Count one thing as done."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._then()
