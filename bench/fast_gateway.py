"""A gateway that accepts everything as fast as Python can: the counterpart of bench/send.py, in a process of its own.

    python -m bench.fast_gateway PORT_FD DELAY_SECONDS PER_SECOND     (0 = any number; the listening socket is inherited)

With PER_SECOND it refuses with 15406 what is more than so many in any second, wherever that begins.

It reads just enough of HTTP/1.1 to find where a request ends, and judges nothing; the sandbox is there for that.
"""

import asyncio
import itertools
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator

_HEAD = b"HTTP/1.1 202 Accepted\r\nX-Request-Id: 015-3DD6C366-D68A-4A02-9777-19CBC8AB40C1\r\nContent-Type: application/json\r\n"

_ERROR = b'{"error":{"code":15406,"description":"TPS limit exceeded."}}'
_TOO_FAST = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_ERROR),
    _ERROR,
)


class _Connection(asyncio.Protocol):
    def __init__(self, delay_seconds: float, numbers: Iterator[int], recent: deque[float] | None) -> None:
        self._delay = delay_seconds
        self._numbers = numbers
        self._recent = recent
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._later = asyncio.get_running_loop().call_later

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            at = data.find(b"Content-Length: ", 0, end) + 16
            whole = end + 4 + int(data[at : data.find(b"\r\n", at)])
            if len(data) < whole:
                break
            data = data[whole:]
            answer = self._accept() if self._recent is None or _is_within(self._recent) else _TOO_FAST
            if self._delay:
                self._later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)
        self._data = data

    def _accept(self) -> bytes:
        body = b'{"mtId":%d}' % next(self._numbers)
        return _HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _is_within(recent: deque[float]) -> bool:
    """Count one request; ``recent`` holds the last ones, as many as one second permits."""
    now = time.monotonic()
    if len(recent) == recent.maxlen and now - recent[0] < 1.0:
        return False
    recent.append(now)
    return True


async def _serve(listener: socket.socket, delay_seconds: float, per_second: int) -> None:
    numbers = itertools.count(2**53)
    loop = asyncio.get_running_loop()
    recent = deque[float](maxlen=per_second) if per_second else None
    server = await loop.create_server(lambda: _Connection(delay_seconds, numbers, recent), sock=listener, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])))
