"""A program for gunicorn that tells what it read of each body, and how; see test_body.py."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from app.edge.body import open_body

PIECE_BYTES = 64 * 1024


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the class that read, the number of bytes and their SHA-256; /part reads ten bytes, /silent waits briefly."""
    stream, path = open_body(environ["wsgi.input"]), environ["PATH_INFO"]
    if path == "/silent":
        environ["gunicorn.socket"].settimeout(0.3)
    counted, length, failed = hashlib.sha256(), 0, ""
    try:
        while piece := stream.read(10 if path == "/part" else PIECE_BYTES):
            counted.update(piece)
            length += len(piece)
            if path == "/part":
                break
    except OSError as error:
        failed = type(error).__name__
    answer = {"by": type(stream).__name__, "bytes": length, "sha256": counted.hexdigest(), "failed": failed}
    content = json.dumps(answer).encode()
    start_response("200 OK", [("Content-Length", str(len(content)))])
    return [content]
