"""What OpenMarket posts: stored as it came, durably, then answered 200 with nothing, and worked on afterwards."""

import hmac
import ipaddress

from flask import Blueprint, Response, request

from app.edge.context import edge
from app.errors import NotFound
from app.records.callbacks import Posted
from app.settings import Callback
from app.telemetry import log

blueprint = Blueprint("callbacks", __name__)


@blueprint.post("/callbacks/openmarket/<secret>")
def take(secret: str) -> Response:
    """Take in a delivery report or an inbound message.

    Raises:
        NotFound: the secret is wrong, or the sender's network is not on the list; nothing says which.
    """
    settings = edge().post.settings.callback
    if not (_secret_is_right(secret, settings) and _network_is_right(settings)):
        raise NotFound("Nothing has this address.")
    body = _read(settings.max_bytes + 1)
    if len(body) > settings.max_bytes:
        # Answered 200 all the same: a repetition would be no shorter. What is kept cannot be read and is marked so.
        body = body[: settings.max_bytes]
        log.warning("callback too long", bytes=request.content_length, kept=len(body))
    headers = request.headers
    edge().intake.take(Posted(body, headers.get("Content-Type", ""), headers.get("X-Request-Id", "")))
    return Response(status=200)


def _read(most: int) -> bytes:
    """Read the body, at most so many bytes; where the server ends it (chunked), it has no length of its own."""
    length = most if request.environ.get("wsgi.input_terminated") else min(request.content_length or 0, most)
    body: bytes = request.environ["wsgi.input"].read(length)
    return body


def _secret_is_right(given: str, settings: Callback) -> bool:
    valid = [secret for secret in (settings.secret, settings.previous_secret) if secret]
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in valid]
    return any(matches)


def _network_is_right(settings: Callback) -> bool:
    if not settings.networks:
        return True
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in settings.networks)
