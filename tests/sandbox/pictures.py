"""A host for media: it answers as each path says, and counts who asked."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sandbox.wrong import PIXEL

FOREVER = {"Cache-Control": "public, max-age=604800, immutable"}


@dataclass
class Page:
    """What one path answers."""

    body: bytes = PIXEL
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "image/png", **FOREVER})


@dataclass
class MediaHost:
    """``pages`` by path; ``asked`` counts GETs by path and User-Agent."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def times(self, path: str) -> int:
        """How often a path was asked for, by anybody."""
        return sum(times for (asked, _), times in self.asked.items() if asked == path)


@contextmanager
def running_host() -> Iterator[MediaHost]:
    """Serve on a free port."""
    host = MediaHost()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                host.asked[self.path, self.headers["User-Agent"]] += 1
            page = host.pages.get(self.path, Page(b"", 404))
            self.send_response(page.status)
            headers = {"Content-Length": str(len(page.body)), **page.headers}
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
