"""The sandbox as a Flask application: the send endpoint; the API and the pages are blueprints of their own."""

import socket
import ssl
import weakref
from typing import Any

from flask import Flask, Request, Response, request

from app.sandbox.answer import Answer, answer_send
from app.sandbox.api import api_blueprint
from app.sandbox.desk import Desk
from app.sandbox.judge import RawRequest
from app.sandbox.options import SandboxOptions
from app.sandbox.page import page_blueprint

# Connections that are closed after their last answer: a request that was on its way already is not taken.
_LEFT: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()


def create_sandbox(options: SandboxOptions) -> Flask:
    """Make the application, with its threads started; ``app.extensions["desk"]`` is its state.

    POST /mms/v2/send is the shared name; /dc1/mms/v2/send and /dc2/mms/v2/send stand for the two data centres.
    """
    desk = Desk(options)
    app = Flask(__name__)
    app.extensions["desk"] = desk
    app.register_blueprint(api_blueprint(desk))
    app.register_blueprint(page_blueprint(desk))

    def send(centre: int = 0) -> Response:
        if _connection(request.environ) in _LEFT:
            return _respond(Answer(cut=True))  # the client was quicker than our close; that is no request any more
        body = read_body(request, desk.options.max_body_bytes)
        if body is None:
            return _too_long()
        if len(body) < (request.content_length or 0):
            return _respond(Answer(cut=True))  # the client went away in the middle; that is no request
        return _respond(answer_send(desk, _raw(request, body), centre))

    methods = ["POST", "GET", "PUT", "PATCH", "DELETE"]
    app.add_url_rule("/mms/v2/send", "send", send, methods=methods)
    app.add_url_rule("/dc<int(min=1,max=2):centre>/mms/v2/send", "send_to_centre", send, methods=methods)
    app.after_request(_close_to_strangers)
    return app


def read_body(incoming: Request, max_bytes: int) -> bytes | None:
    """Read a whole body, chunked or counted; None when it is longer than ``max_bytes``."""
    if (incoming.content_length or 0) > max_bytes:
        return None
    source = incoming.environ["wsgi.input"]
    if incoming.content_length is None and not incoming.environ.get("wsgi.input_terminated"):
        return b""
    left = max_bytes + 1 if incoming.content_length is None else incoming.content_length
    chunks: list[bytes] = []
    while left > 0:
        try:
            chunk: bytes = source.read(min(left, 65536))
        except OSError:
            break  # the client went away, or its chunks are none
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    body = b"".join(chunks)
    return None if len(body) > max_bytes else body


def _raw(incoming: Request, body: bytes) -> RawRequest:
    query = incoming.query_string.decode("latin-1")
    headers = tuple(incoming.headers.items())
    return RawRequest(incoming.method, incoming.path, query, headers, body, _tls(incoming.environ))


def _tls(environ: dict[str, Any]) -> str:
    connection = environ.get("gunicorn.socket")
    return connection.version() or "" if isinstance(connection, ssl.SSLSocket) else ""


def _too_long() -> Response:
    answer = Response('{"error": {"code": 15000, "description": "The request is too long for this sandbox."}}', 413)
    answer.content_type = "application/json"
    answer.headers["Connection"] = "close"
    return answer


def _respond(answer: Answer) -> Response:
    environ = request.environ
    if answer.cut or answer.raw:
        _end_connection(environ, answer.raw)
    response = Response(answer.body, status=answer.status or 500, content_type=answer.content_type)
    response.headers.update(answer.headers)
    if answer.close:
        _LEFT.add(_connection(environ))
        response.call_on_close(lambda: _end_connection(environ, b""))
    return response


def _connection(environ: dict[str, Any]) -> socket.socket:
    connection: socket.socket = environ.get("gunicorn.socket") or environ["werkzeug.socket"]
    return connection


def _end_connection(environ: dict[str, Any], last_words: bytes) -> None:
    """End the client's connection under the server's feet; what the server then writes goes nowhere."""
    connection = _connection(environ)
    try:
        if last_words:
            connection.sendall(last_words)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was quicker


def _close_to_strangers(response: Response) -> Response:
    """Let the page load only its own files, and nobody frame it or read it from elsewhere."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
