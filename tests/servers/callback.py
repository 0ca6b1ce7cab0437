"""A callback receiver: it keeps what is posted, and answers as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Callback:
    """``answers`` are the statuses of the next posts, 200 when it is empty; ``body`` is what each answer holds."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    body: bytes = b""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Give every posted JSON body in order."""
        return [json.loads(body) for headers, body in list(self.posts) if headers["content-type"] == "application/json"]

    def statuses(self, mt_id: int) -> list[str]:
        """Give the status words posted for one mtId, in order."""
        return [report["status"] for report in self.reports if report["mtId"] == str(mt_id)]


@contextmanager
def running_callback() -> Iterator[Callback]:
    """Serve a callback on a free port."""
    callback = Callback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            callback.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(callback.answers.pop(0) if callback.answers else 200)
            self.send_header("Content-Length", str(len(callback.body)))
            self.end_headers()
            self.wfile.write(callback.body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    callback.url = f"http://127.0.0.1:{server.server_address[1]}/callbacks"
    try:
        yield callback
    finally:
        server.shutdown()
        server.server_close()


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds; a failed test if it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
