"""What goes with every request: an id, one log line, and what browsers may do with the answer."""

import re
import time
from urllib.parse import urlsplit

import structlog
from apiflask import APIFlask
from flask import Response, g, request

from app.duties.postcard import Postcard
from app.edge.context import path_for_log, the_post
from app.host.client import bucket_url
from app.model.ids import new_id
from app.telemetry import log

REQUEST_ID = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"static", "health.healthz", "health.readyz", "health.metrics"})


def content_security_policy(media_url: str, upload_url: str = "") -> str:
    """Let pages load from ourselves, show hosted media, send long files to the store, and nothing else.

    ``blob:`` shows a picture that is not uploaded yet; ``data:`` are the icons of the API's documentation.
    """
    media, store = _origin(media_url), _origin(upload_url)
    return (
        "default-src 'self'; "
        f"img-src 'self' blob: data: {media}; media-src 'self' blob: {media}; "
        f"connect-src 'self' {store}; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def install(app: APIFlask) -> None:
    """Give each request its id first; log it and set the headers last."""
    post = the_post_of(app)
    store_url = bucket_url(post.settings.s3) if post.settings.upload.direct_bytes else ""
    policy = content_security_policy(post.settings.public.base_url, store_url)
    secure = post.settings.web.base_url.startswith("https:")

    @app.before_request
    def _begin() -> None:
        given = request.headers.get(REQUEST_ID, "")
        g.request_id = given if _ID.fullmatch(given) else new_id("req")
        g.started = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.request_id)

    @app.after_request
    def _end(response: Response) -> Response:
        headers = response.headers
        headers[REQUEST_ID] = g.get("request_id", "")
        headers["Content-Security-Policy"] = policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        # "no-referrer" would make browsers send `Origin: null` with our own forms.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            headers["Cache-Control"] = "no-store"
        if request.endpoint not in _QUIET:
            _tell(response)
        return response


def the_post_of(app: APIFlask) -> Postcard:
    """Find the path outside of a request."""
    with app.app_context():
        return the_post()


def _tell(response: Response) -> None:
    who = g.get("caller")
    log.info(
        "request",
        method=request.method,
        path=path_for_log(),
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.get("started", time.monotonic())) * 1000),
        caller=who.label if who else "",
    )
