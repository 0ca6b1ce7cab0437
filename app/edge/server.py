"""Gunicorn's threads, without the two ways in which a client that does nothing holds up all others.

A connection on which nothing comes would hold a thread for five seconds, and browsers open such ones in advance; and an answer
that ends its connection would hold the loop that accepts, two seconds for each client that leaves its end open.
"""

import errno
import selectors
import socket
import time
from functools import partial
from threading import BoundedSemaphore, Thread
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

_LINGERING = 64
"""Connections at once that are closed patiently, a thread each; further ones are closed at once."""


class Connection(TConn):
    """A connection whose patient end is waited for by nobody."""

    _places = BoundedSemaphore(_LINGERING)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 -- as gunicorn calls it
        """Close; gracefully: say that nothing more comes, and let the client read what it got before it is cut off."""
        if graceful and self._places.acquire(blocking=False):
            self.sock.setblocking(True)
            Thread(target=self._linger, args=(self.sock,), daemon=True).start()
        else:
            super().close()

    @classmethod
    def _linger(cls, sock: socket.socket) -> None:
        try:
            util.close_graceful(sock)
        finally:
            cls._places.release()


class Worker(ThreadWorker):
    """Threads for requests, not for connections."""

    def accept(self, listener: Any) -> None:
        """Take a connection, and wait for its first bytes with all the others, as gunicorn does with one that is late.

        Raises:
            OSError: the listener is broken.
        """
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                raise
            return
        connection = Connection(self.cfg, sock, client, listener.getsockname())
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.nr_conns += 1
        self.pending_conns.append(connection)
        readable = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, readable)
