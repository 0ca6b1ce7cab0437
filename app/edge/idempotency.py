"""Idempotency-Key: the same request twice is carried out once, and gets the first answer again."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, jsonify, request

from app.edge.auth import caller
from app.edge.context import the_post
from app.errors import InvalidRequest
from app.records.database import Connection
from app.records.idempotency import FirstAnswer, claim_key, release_key, settle_key

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# Longer than any request may take: gunicorn ends a worker that is silent for 120 s.
_LEASE = timedelta(minutes=5)

Settle = Callable[[Connection, int, dict[str, Any]], None]
"""Keeps the first answer; called in the transaction that creates the thing, which it undoes if a repeat has taken over."""


def fingerprint(body: object) -> str:
    """Make the hash that tells whether a repeated request is the same: method, path and canonical body."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{request.method} {request.path}\n{canonical}".encode()).hexdigest()


def once(body: object, work: Callable[[Settle], Response], *, place: str = "") -> Response:
    """Do ``work`` unless a request with this key did it already.

    Args:
        body: what was asked for, as plain JSON.
        work: does it; gets a function that keeps the answer, to be called with the creating transaction.
        place: under which address the ids of answers stand; a repeated answer names its Location with it.

    Raises:
        InvalidRequest: the key has more than 255 characters, or odd ones.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return work(lambda _connection, _status, _answer: None)
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            f"{HEADER} must have 1 to 255 printable ASCII characters.",
            errors=[{"field": HEADER, "message": "1 to 255 printable ASCII characters"}],
        )
    who = f"{caller().kind} {caller().id}"
    post = the_post()
    with post.change() as change:
        claim = claim_key(change.connection, who, key, fingerprint(body), at=change.at, lease=_LEASE)
    if isinstance(claim, FirstAnswer):
        return _again(claim, place)
    try:
        return work(lambda connection, status, answer: settle_key(connection, claim, status, answer))
    except Exception:
        with post.change() as change:  # drops only a claim that is ours and was not settled: nothing was created
            release_key(change.connection, claim)
        raise


def _again(first: FirstAnswer, place: str) -> Response:
    answer = jsonify(first.answer)
    answer.status_code = first.status
    answer.headers["Idempotency-Replayed"] = "true"
    if place:
        answer.headers["Location"] = f"{place}/{first.answer['id']}"
    return answer
