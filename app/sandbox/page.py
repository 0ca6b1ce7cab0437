"""The pages: what arrived, and one message with its bytes, its rules, its picture and its reports."""

import itertools
import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from app.sandbox.arrivals import Arrival, Posted
from app.sandbox.content import Content
from app.sandbox.desk import Desk
from app.sandbox.mime import parse_media_type
from app.sandbox.rules import RULES, SOURCE_WORDS, Result, Rule, Verdict
from app.sandbox.sniff import sniff
from app.sandbox.told import raw_bytes

_SHOWN_BYTES = 6_000
# Only these are ever sent as what they say they are: fetched bytes are a stranger's, and this origin has an API.
_SHOWN_TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/bmp",
        "image/avif",
        "video/mp4",
        "video/3gpp",
        "video/webm",
        "audio/mpeg",
        "audio/wav",
        "application/ogg",
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing on the phone's screen: ``kind`` is text, image, video, audio, other or missing."""

    kind: str
    text: str
    address: str = ""


def page_blueprint(desk: Desk) -> Blueprint:
    """Make the pages of one sandbox."""
    pages = Blueprint(
        "sandbox_pages",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/sandbox-static",
    )

    pages.add_app_template_filter(report_class)
    pages.add_app_template_filter(report_words)

    @pages.get("/")
    def overview() -> ResponseReturnValue:
        arrivals = desk.arrivals.latest(100, request.args.get("destination", ""))
        return render_template(
            "sandbox/overview.html",
            arrivals=[_summary(arrival) for arrival in arrivals],
            counts=desk.arrivals.counts(),
            options=desk.options,
            faults=desk.faults.listing(),
            host=request.host_url.rstrip("/"),
        )

    @pages.get("/messages/<name>")
    def message(name: str) -> ResponseReturnValue:
        arrival = desk.arrivals.find(name)
        if arrival is None:
            abort(404)
        return render_template("sandbox/message.html", **_whole(desk, arrival))

    @pages.get("/media/<sha256>")
    def media(sha256: str) -> ResponseReturnValue:
        return _media(desk.blobs.get(sha256))

    @pages.get("/messages/<name>/parts/<int:index>")
    def part(name: str, index: int) -> ResponseReturnValue:
        arrival = desk.arrivals.find(name)
        contents = arrival.judgement.contents if arrival else ()
        return _media(contents[index].data if index < len(contents) else None)

    @pages.app_errorhandler(404)
    def nothing(_error: Exception) -> ResponseReturnValue:
        if request.path.startswith("/sandbox/"):
            return {"detail": "nothing has this address; docs/sandbox.md lists what has", "status": 404}, 404
        return render_template("sandbox/nothing.html"), 404

    return pages


def _media(data: bytes | None) -> Response:
    if data is None:
        abort(404)
    kind = sniff(data)
    shown = kind in _SHOWN_TYPES
    response = Response(data, content_type=kind if shown else "application/octet-stream")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    if not shown:
        response.headers["Content-Disposition"] = "attachment"
    return response


def _summary(arrival: Arrival) -> dict[str, Any]:
    results = [verdict.result for verdict in arrival.judgement.verdicts]
    return {
        "arrival": arrival,
        "failed": results.count(Result.FAIL),
        "warned": results.count(Result.WARNING),
        "reports": [posted for posted in arrival.posted if posted.status == 200 or posted.attempt == 1],
        "fetched": len(arrival.fetches),
        "unusable": sum(not fetch.usable for fetch in arrival.fetches),
    }


def _whole(desk: Desk, arrival: Arrival) -> dict[str, Any]:
    raw = raw_bytes(arrival.request)
    return {
        **_summary(arrival),
        "raw": show_bytes(raw, _SHOWN_BYTES),
        "raw_bytes": len(raw),
        "failures": [verdict for verdict in arrival.judgement.verdicts if verdict.result is Result.FAIL],
        "rules": _by_rule(arrival.judgement.verdicts),
        "source_words": SOURCE_WORDS,
        "subject": arrival.judgement.details.get("subject"),
        "pieces": [_piece(desk, arrival, index, content) for index, content in enumerate(arrival.judgement.contents)],
        "posted": [(posted, json.dumps(posted.body, indent=1)) for posted in list(arrival.posted)],
        "fetches": list(arrival.fetches),
    }


def _by_rule(verdicts: tuple[Verdict, ...]) -> list[tuple[Rule, list[Verdict]]]:
    return [(RULES[number], list(group)) for number, group in itertools.groupby(verdicts, lambda each: each.rule)]


def report_class(posted: Posted) -> str:
    """Colour a report: it did not get through or tells a failure, is final and good, or only a step or for nobody."""
    if posted.nowhere:
        return "step"
    if posted.status != 200:
        return "fail"
    status = posted.body.get("status")
    return {"Retrieved": "pass", "Forwarded": "step", "Deferred": "step"}.get(str(status), "fail")


def report_words(posted: Posted) -> str:
    """Name a report, and say so when it did not get through or had nowhere to go."""
    status = str(posted.body.get("status", ""))
    if posted.nowhere:
        return f"{status}: no callback URL"
    return status if posted.status == 200 else f"{status} not taken"


def show_bytes(data: bytes, most: int) -> str:
    """Show bytes as text: CRLF ends a line, any other control character and what is no UTF-8 is shown as an escape.

    Of more than ``most`` bytes the beginning and the end are shown, with a line that says how many are left out.
    """
    if len(data) <= most:
        return _escaped(data)
    tail = most // 4
    left_out = f"\n[{len(data) - most:,} bytes left out]\n"
    return _escaped(data[: most - tail]) + left_out + _escaped(data[-tail:])


def _escaped(data: bytes) -> str:
    text = data.decode("utf-8", "backslashreplace")
    lines = text.split("\r\n")
    return "\n".join("".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in line) for line in lines)


def _piece(desk: Desk, arrival: Arrival, index: int, content: Content) -> Piece:
    if content.kind == "text":
        return Piece("text", content.text)
    if content.kind == "media":
        address = f"/messages/{arrival.request_id}/parts/{index}"
        return Piece(_kind_of(content.data), content.content_type, address)
    for fetch in list(arrival.fetches):
        data = desk.blobs.get(fetch.sha256) if fetch.url == content.url and fetch.usable else None
        if data is not None:
            if parse_media_type(fetch.content_type).type == "text/plain":
                return Piece("text", data[:2000].decode("utf-8", "replace"))
            return Piece(_kind_of(data), fetch.content_type, f"/media/{fetch.sha256}")
    return Piece("missing", content.url)


def _kind_of(data: bytes) -> str:
    kind = sniff(data)
    family = kind.partition("/")[0]
    return family if kind in _SHOWN_TYPES and family in {"image", "video", "audio"} else "other"
