"""The sandbox on a real server: gunicorn with threads, in one worker process, since its state is in memory."""

from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from app.sandbox.options import SandboxOptions


class _Server(BaseApplication):
    def __init__(self, options: SandboxOptions, settings: dict[str, Any]) -> None:
        self._sandbox_options = options
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from app.sandbox.web import create_sandbox

        return create_sandbox(self._sandbox_options)


def run_sandbox(
    host: str,
    port: int,
    options: SandboxOptions,
    *,
    threads: int = 32,
    certfile: str = "",
    keyfile: str = "",
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; call it in the main thread of a process of its own.

    HTTP/1.1 with keep-alive (idle connections are closed after 30 s), one process, ``threads`` requests at once.

    Args:
        host: address to listen on.
        port: 0 = a free one.
        options: how to judge, report and fail.
        threads: requests at once.
        certfile: PEM of a certificate; with ``keyfile``: TLS 1.2 or newer alone. Empty = plain HTTP.
        keyfile: PEM of its key.
        announce: is told the address once connections are taken, such as "http://127.0.0.1:8800".
    """

    def when_ready(server: Any) -> None:
        if announce is not None:
            announce(("https" if certfile else "http") + "://{}:{}".format(*server.LISTENERS[0].getsockname()[:2]))

    _Server(
        options,
        {
            "bind": [f"{host}:{port}"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": threads,
            "worker_connections": 2000,
            "keepalive": 30,
            "timeout": 120,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": when_ready,
            "certfile": certfile or None,
            "keyfile": keyfile or None,
        },
    ).run()
