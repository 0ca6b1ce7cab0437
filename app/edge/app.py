"""Put the edge together: one application around one path, nothing global."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import redirect, request
from flask.json.provider import DefaultJSONProvider
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.datastructures import MultiDict
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from app.duties.postcard import Postcard
from app.edge import auth, context, docs, headers, origin, problems, waiting
from app.edge.api import BLUEPRINTS
from app.edge.callbacks import blueprint as callbacks
from app.edge.health import blueprint as health
from app.edge.pages import PAGES, install_pages
from app.edge.schemas.shapes import has_nul
from app.errors import BodyTooLarge, BodyTypeWrong, InvalidRequest, NotFound
from app.settings import Settings

MAX_JSON_BYTES = 5_000_000
"""A campaign of 100,000 recipients fits."""
_SILENT_SECONDS = 30.0
_SIGN_IN_TRIES = "20 per minute; 100 per hour"


class Json(DefaultJSONProvider):
    """JSON in the order that it was made in."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON.

        Raises:
            ValueError: it is not JSON, or nested deeper than anybody needs.
        """
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def create_app(post: Postcard) -> APIFlask:
    """Make the web application around ``post``; called in the process that serves it, after any fork."""
    app = APIFlask("app.edge", title="Postcard", version="1", docs_path=None, json_errors=False)
    app.config.update(_flask_settings(post.settings))
    app.json = Json(app)
    context.install(app.extensions, post)
    waiting.install(app.extensions, post.settings.web.threads)
    # The order counts: an id first, then who is calling, then whether a browser was made to call.
    headers.install(app)
    auth.install(app)
    origin.install(app)
    _install_body_checks(app)
    _install_text_checks(app)
    problems.install(app)
    docs.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for page in (callbacks, health, docs.blueprint, *PAGES):
        app.register_blueprint(page)
    install_pages(app)
    _install_home(app)
    _limit_sign_in(app, post.settings)
    if post.settings.web.trusted_proxies:
        hops = post.settings.web.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # -- as Flask's manual does it
    return app


def _flask_settings(settings: Settings) -> dict[str, object]:
    port = urlsplit(settings.web.base_url).port or settings.web.port
    return {
        "SECRET_KEY": settings.secret.key,
        # Two copies on one host are told apart by their port: cookies do not see ports.
        "SESSION_COOKIE_NAME": f"postcard_session_{port}",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.web.base_url.startswith("https:"),
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        "WTF_CSRF_TIME_LIMIT": None,
        # Asked about each time, and mostly not modified: scripts of two versions would not know each other's names.
        "SEND_FILE_MAX_AGE_DEFAULT": None,
        "SERVERS": [{"url": settings.web.base_url}],
    }


def _install_body_checks(app: APIFlask) -> None:
    """Bound what is read into memory, and take JSON only when it says that it is."""

    @app.before_request
    def _body() -> None:
        # A client that stops in the middle of its body must not hold a thread for ever. Gunicorn lends its socket, and
        # takes the limit off again for the next request.
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.settimeout(_SILENT_SECONDS)
        if request.endpoint is None:  # nothing there, or not for this method: that is said first
            return
        if request.endpoint == "callbacks.take":  # has a limit of its own, and is never refused for its body
            return
        if request.endpoint == "assets.create_asset" and request.mimetype != "application/json":
            return
        length = request.content_length or 0
        if length > MAX_JSON_BYTES:
            raise BodyTooLarge(f"The body has {length:,} bytes.", limit_bytes=MAX_JSON_BYTES)
        request.max_content_length = MAX_JSON_BYTES
        pages = request.path.startswith("/app/")
        accepted = ["application/x-www-form-urlencoded"] if pages else ["application/json"]
        if length and request.mimetype not in accepted:
            raise BodyTypeWrong("The body has another Content-Type than is taken here.", accepted=accepted)


def _install_text_checks(app: APIFlask) -> None:
    """Keep U+0000 out, which PostgreSQL neither keeps nor looks for; bodies in JSON are checked by their schemas."""

    @app.before_request
    def _text() -> None:
        if has_nul(request.view_args or {}):
            raise NotFound("Nothing has this address.")
        if request.endpoint == "callbacks.take":  # stored as it comes, whatever stands in the query
            return
        _refuse_nul(request.args, "the query")
        if request.path.startswith("/app/"):
            _refuse_nul(request.form, "text")


def _refuse_nul(given: MultiDict[str, str], where: str) -> None:
    """Name every field that holds U+0000.

    Raises:
        InvalidRequest: there is one.
    """
    sentence = f"The character U+0000 is not possible in {where}."
    names = [name for name, values in given.to_dict(flat=False).items() if has_nul([name, *values])]
    if names:
        errors = [{"field": name.replace("\0", "U+0000"), "message": sentence} for name in names]
        raise InvalidRequest(sentence, errors=errors)


def _install_home(app: APIFlask) -> None:
    @app.get("/")
    @app.doc(hide=True)
    def home() -> Response:
        return redirect("/app/send")

    @app.get("/favicon.ico")
    @app.doc(hide=True)
    def favicon() -> Response:
        return redirect("/static/icon.svg")


def _limit_sign_in(app: APIFlask, settings: Settings) -> None:
    """Slow down guessing; counted in Redis where there is one, else in this process, which is the only one."""
    storage = settings.queue.url if settings.queue.url.startswith(("redis://", "rediss://")) else "memory://"
    limiter = Limiter(get_remote_address, app=app, storage_uri=storage, headers_enabled=False)
    views: dict[str, Any] = app.view_functions
    views["sign_in.submit"] = limiter.limit(_SIGN_IN_TRIES)(views["sign_in.submit"])
