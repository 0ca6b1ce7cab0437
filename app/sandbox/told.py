"""What the sandbox knows, as JSON-able values: for its API and its pages."""

import base64
import dataclasses
from typing import Any

from app.sandbox.arrivals import Arrival, Posted
from app.sandbox.centre import Fetch
from app.sandbox.content import Content
from app.sandbox.judge import RawRequest
from app.sandbox.rules import RULES, SOURCE_WORDS, Result, Verdict


def tell_verdict(verdict: Verdict) -> dict[str, Any]:
    """Tell a verdict with the words of its rule and where that is stated."""
    return {
        "rule": verdict.rule,
        "rule_words": RULES[verdict.rule].words,
        "topic": verdict.topic,
        "result": verdict.result.value,
        "words": verdict.words,
        "code": verdict.code or None,
        "source": verdict.source.value,
        "source_words": SOURCE_WORDS[verdict.source],
    }


def tell_fetch(fetch: Fetch) -> dict[str, Any]:
    """Tell what one data centre got."""
    told = {each.name: getattr(fetch, each.name) for each in dataclasses.fields(fetch)}
    return {
        **told,
        "fetched_at": fetch.fetched_at.isoformat(),
        "verdicts": [tell_verdict(verdict) for verdict in fetch.verdicts],
    }


def tell_posted(posted: Posted) -> dict[str, Any]:
    """Tell one posted report or inbound message."""
    told = {each.name: getattr(posted, each.name) for each in dataclasses.fields(posted)}
    return {**told, "posted_at": posted.posted_at.isoformat()}


def tell_content(content: Content) -> dict[str, Any]:
    """Tell one piece of content, without its bytes."""
    return {
        "kind": content.kind,
        "content_type": content.content_type,
        "content_id": content.content_id,
        "bytes": len(content.data),
        "url": content.url or None,
        "text": content.text if content.kind == "text" else None,
    }


def raw_bytes(request: RawRequest) -> bytes:
    """Put a request together again: the header fields as the server read them, the body byte for byte.

    The password is replaced by stars, since this is shown.
    """
    query = f"?{request.query}" if request.query else ""
    lines = [f"{request.method} {request.path}{query} HTTP/1.1"]
    lines += [
        f"{name}: {_masked(value) if name.lower() == 'authorization' else value}" for name, value in request.headers
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + request.body


def _masked(value: str) -> str:
    scheme, _, _ = value.partition(" ")
    return f"{scheme} ********"


def tell_arrival(arrival: Arrival, *, whole: bool) -> dict[str, Any]:
    """Tell an arrival: briefly for a list, or whole with verdicts and raw bytes.

    ``mtId`` is text here, so that no reader of JSON rounds it.
    """
    failed = [verdict for verdict in arrival.judgement.verdicts if verdict.result is Result.FAIL]
    told: dict[str, Any] = {
        "request_id": arrival.request_id,
        "received_at": arrival.received_at.isoformat(),
        "centre": arrival.centre or None,
        "accepted": bool(arrival.mt_id),
        "mtId": str(arrival.mt_id) if arrival.mt_id else None,
        "destination": arrival.judgement.destination or None,
        "source": arrival.judgement.details.get("source"),
        "status": arrival.status or None,
        "code": arrival.code or None,
        "answered": arrival.answered,
        "status_documented": arrival.documented,
        "bytes": len(arrival.request.body),
        "failed": [verdict.words for verdict in failed],
        "fetches": len(arrival.fetches),
        "reports": [posted.body.get("status", "") for posted in arrival.posted if posted.status == 200],
    }
    if whole:
        told |= {
            "account_id": arrival.judgement.account_id,
            "details": arrival.judgement.details,
            "contents": [tell_content(content) for content in arrival.judgement.contents],
            "verdicts": [tell_verdict(verdict) for verdict in arrival.judgement.verdicts],
            "fetches": [tell_fetch(fetch) for fetch in list(arrival.fetches)],
            "reports": [tell_posted(posted) for posted in list(arrival.posted)],
            "body_base64": base64.b64encode(arrival.request.body).decode("ascii"),
            "headers": [list(pair) for pair in arrival.request.headers if pair[0].lower() != "authorization"],
        }
    return told
