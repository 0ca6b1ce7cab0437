"""A TCP proxy that delays, cuts, corrupts, refuses or answers for the server behind it. One fault at a time."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What goes wrong on each connection; offsets count bytes of one direction of one connection, -1 = never.

    ``answer`` is sent instead of anything from the server, once a whole request head came. ``hang`` takes a connection
    and stays silent. ``delay_seconds`` holds back each chunk of the answer.
    """

    hang: bool = False
    delay_seconds: float = 0.0
    cut_request_at: int = -1
    cut_answer_at: int = -1
    corrupt_request_at: int = -1
    corrupt_answer_at: int = -1
    answer: bytes = b""
    connections: int = -1


NO_FAULT = Fault()


class FaultyProxy:
    """A proxy on its own port in front of ``upstream_port`` of loopback; ``fault`` is for connections to come."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.fault = NO_FAULT
        self.port = 0

    @contextmanager
    def running(self) -> Iterator["FaultyProxy"]:
        """Serve until the block ends."""
        self._thread.start()
        self.accept()
        try:
            yield self
        finally:
            self.refuse()
            self._call(self._loop.shutdown_asyncgens())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def accept(self) -> None:
        """Take connections (again)."""
        self._call(self._listen())

    def refuse(self) -> None:
        """Take no connection any more and break those that are open."""
        self._call(self._close())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._open):
            writer.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._next_fault()
        self._open.add(writer)
        try:
            if fault.hang:
                await asyncio.sleep(3600)
            elif fault.answer:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(fault.answer)
                await writer.drain()
            else:
                await self._connect(reader, writer, fault)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side went away, or the proxy was told to break off
        finally:
            self._open.discard(writer)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        self._open.add(server_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, server_writer, fault, answer=False))
                both.create_task(_pump(server_reader, writer, fault, answer=True))
        except* OSError:
            _reset(writer)
        finally:
            self._open.discard(server_writer)
            server_writer.close()

    def _next_fault(self) -> Fault:
        fault = self.fault
        if fault.connections == 0:
            return NO_FAULT
        if fault.connections > 0:
            self.fault = replace(fault, connections=fault.connections - 1)
        return fault


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault, *, answer: bool) -> None:
    passed = 0
    while chunk := await reader.read(65_536):
        cut = fault.cut_answer_at if answer else fault.cut_request_at
        corrupt = fault.corrupt_answer_at if answer else fault.corrupt_request_at
        if answer and fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        if passed <= corrupt < passed + len(chunk):
            at = corrupt - passed
            chunk = chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]
        if 0 <= cut < passed + len(chunk):
            writer.write(chunk[: max(0, cut - passed)])
            await writer.drain()
            raise ConnectionResetError
        writer.write(chunk)
        await writer.drain()
        passed += len(chunk)
    raise ConnectionResetError  # one side is done: so is the connection


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection with RST, not with a polite FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
