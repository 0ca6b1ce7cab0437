"""A gateway that accepts everything as fast as Python can: the counterpart of bench/send.py, in a process of its own.

    python -m bench.fast_gateway PORT_FD DELAY_SECONDS     (the listening socket is inherited)

It reads just enough of HTTP/1.1 to find where a request ends, and judges nothing; the sandbox is there for that.
"""

import asyncio
import itertools
import socket
import sys
from collections.abc import Iterator

_HEAD = b"HTTP/1.1 202 Accepted\r\nX-Request-Id: 015-3DD6C366-D68A-4A02-9777-19CBC8AB40C1\r\nContent-Type: application/json\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, delay_seconds: float, numbers: Iterator[int]) -> None:
        self._delay = delay_seconds
        self._numbers = numbers
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
            body = b'{"mtId":%d}' % next(self._numbers)
            answer = _HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
            if self._delay:
                self._later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)
        self._data = data


async def _serve(listener: socket.socket, delay_seconds: float) -> None:
    numbers = itertools.count(2**53)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay_seconds, numbers), sock=listener, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])))
