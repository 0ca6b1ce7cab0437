"""No foreign page can act for a signed-in user: the Origin must be ours, and a CSRF token must come along.

A request with a token needs neither: a browser does not send it by itself. Callbacks have their secret.
"""

from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import g, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError  # type: ignore[import-untyped]  # -- ships no types

from app.edge.context import the_post
from app.errors import Forbidden

HEADER = "X-CSRFToken"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: APIFlask) -> None:
    """Check every unsafe request that a browser may have sent; runs after auth."""
    app.jinja_env.globals["csrf_token"] = generate_csrf

    @app.before_request
    def _own_page() -> None:
        by_token = g.get("caller") is not None and g.caller.kind == "token"
        if request.method in _SAFE or by_token or request.blueprint == "callbacks" or request.endpoint is None:
            return
        _check_origin()
        _check_token()


def _check_origin() -> None:
    """Compare where the request comes from with where it goes to.

    Raises:
        Forbidden: another site.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise Forbidden("This request comes from another site.")
        return
    own = urlsplit(the_post().settings.web.base_url)
    if origin not in {f"{own.scheme}://{own.netloc}", request.host_url.rstrip("/")}:
        raise Forbidden("This request comes from another site.", origin=origin[:200])


def _check_token() -> None:
    """Look for the token in the header, or in a small form; an upload's body is not read for it.

    Raises:
        Forbidden: none, or not this session's.
    """
    token = request.headers.get(HEADER)
    if token is None and request.mimetype == "application/x-www-form-urlencoded":
        token = request.form.get("csrf_token")
    try:
        validate_csrf(token)
    except ValidationError as error:
        raise Forbidden("The CSRF token is missing or not valid any more.") from error
