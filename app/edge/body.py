"""The body of an upload, taken from gunicorn's socket without the copies that its reader makes.

Gunicorn's reader is made for bodies of any kind: each piece goes through two buffers, and is copied five times. For the
usual upload, of known length and over a plain socket, that costs more than everything that is done with the bytes. Here they
are read from the same socket, and gunicorn's own count of what is left is kept, so that it finds the next request on the
connection where it would have found it. Any other body, a chunked one say, is read as gunicorn gives it.
"""

import socket
from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader

from app.upload.receive import Stream


class SocketBody:
    """A body of known length, read once, from its beginning."""

    def __init__(self, body: Body, reader: LengthReader, unreader: SocketUnreader) -> None:
        self._body = body
        self._reader = reader
        self._unreader = unreader

    def read(self, size: int, /) -> bytes:
        """Read what is there, at most ``size`` bytes; waits for the first of them. None = the end, or the client is gone.

        Raises:
            OSError: the connection is lost, or silent for longer than its time-out.
        """
        size = min(size, self._reader.length)
        if size <= 0:
            return b""
        piece = self._unreader.take_buffered()  # came together with the headers
        if len(piece) > size:
            self._unreader.unread(piece[size:])
            piece = piece[:size]
        if not piece:
            piece = self._receive(size)
        self._reader.length -= len(piece)
        return piece

    def _receive(self, size: int) -> bytes:
        try:
            return self._unreader.sock.recv(size)
        except OSError:
            abandon_body(self._body)  # where the next request would begin is not known
            raise


def abandon_body(source: Any) -> None:
    """Have the connection end after this request if its body was not read to the end: a thread would wait for the rest of it.

    Args:
        source: ``wsgi.input``.
    """
    if isinstance(source, Body) and not (isinstance(source.reader, LengthReader) and source.reader.length == 0):
        source.failed = True  # type: ignore[attr-defined]  # -- newer than the stubs


def open_body(source: Any) -> Stream:
    """Give the body of a request to whoever reads it once.

    Args:
        source: ``wsgi.input``, of which nothing was read yet.
    """
    reader = source.reader if isinstance(source, Body) and source.buf.tell() == 0 else None
    unreader = reader.unreader if isinstance(reader, LengthReader) else None
    if (
        isinstance(reader, LengthReader)
        and isinstance(unreader, SocketUnreader)
        and type(unreader.sock) is socket.socket  # and not the class derived from it, for TLS
    ):
        return SocketBody(source, reader, unreader)
    stream: Stream = source
    return stream
