"""libcurl's multi interface on epoll: many transfers in one thread, at a cost that does not grow with idle ones.

``select`` would stop at file descriptor 1023 and ``perform`` walks over all handles each time; libcurl's socket interface
tells which descriptors matter, and epoll (Linux) waits for them. One thread uses a loop at a time.
"""

import contextlib
import math
import os
import select
import threading
import time

import pycurl

from app.send.transfer import Transfer

_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Loop:
    """A multi handle with its connections, and the waiting on them. ``wake`` may be called from any thread."""

    def __init__(self, connections: int) -> None:
        self.rested_at = 0.0
        self._timer_milliseconds: list[int] = []  # what libcurl asked for since the last step; the last one counts
        self._left: set[int] = set()  # descriptors that libcurl waits for no longer, still known to epoll
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._timer_milliseconds.append)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._epoll = select.epoll()
        self._due_at = math.inf
        self._closed = False
        self._wake_lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._wake_read, select.EPOLLIN)

    def add(self, transfer: Transfer) -> None:
        """Start a transfer; it moves in the next ``step``."""
        self._multi.add_handle(transfer.curl)

    def remove(self, transfer: Transfer) -> None:
        """Take a transfer out, finished or not; an unfinished one loses its connection."""
        self._multi.remove_handle(transfer.curl)

    def step(self, longest_seconds: float) -> list[tuple[Transfer, int, str]]:
        """Wait until something moves, at most ``longest_seconds``, and move it.

        Returns:
            the transfers that ended, each with libcurl's error number (0 = an answer came) and its words.
        """
        for descriptor, events in self._epoll.poll(min(longest_seconds, max(0.0, self._seconds_to_timer()))):
            if descriptor == self._wake_read:
                os.read(self._wake_read, 4096)
            elif descriptor in self._left:
                self._forget(descriptor)
            else:
                self._multi.socket_action(descriptor, _TO_CURL[events & _HEEDED])
        if self._seconds_to_timer() <= 0:
            self._due_at = math.inf
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return self._ended()

    def wake(self) -> None:
        """Make a waiting ``step`` return; nothing happens once the loop is closed."""
        with self._wake_lock:  # after close the descriptor's number may belong to somebody else
            if not self._closed:
                with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
                    os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Close all connections. Only when no transfer is inside."""
        with self._wake_lock:
            self._closed = True
            os.close(self._wake_read)
            os.close(self._wake_write)
        self._multi.close()
        self._epoll.close()

    def _ended(self) -> list[tuple[Transfer, int, str]]:
        ended: list[tuple[Transfer, int, str]] = []
        while True:
            more, good, bad = self._multi.info_read()
            ended += [(curl.transfer, 0, "") for curl in good]
            ended += [(curl.transfer, number, words) for curl, number, words in bad]
            if not more:
                return ended

    def _watch(self, event: int, descriptor: int, _multi: object, _data: object) -> None:
        """Note which events of a descriptor libcurl waits for.

        What it leaves is mostly wanted again at once, by the next request on that connection, so it stays in epoll until
        something happens on it, the other side's closing mostly. The kernel takes out what is closed; it alone knows
        whether a number still means the same connection.
        """
        if event == pycurl.POLL_REMOVE:
            self._left.add(descriptor)
            return
        self._left.discard(descriptor)
        try:
            self._epoll.modify(descriptor, _EVENTS[event])
        except FileNotFoundError:
            self._epoll.register(descriptor, _EVENTS[event])

    def _seconds_to_timer(self) -> float:
        """Tell how long it is until libcurl wants to be called whatever happens; infinite = it does not want that."""
        if self._timer_milliseconds:
            milliseconds = self._timer_milliseconds[-1]
            self._timer_milliseconds.clear()
            self._due_at = math.inf if milliseconds < 0 else time.monotonic() + milliseconds / 1000
        return self._due_at - time.monotonic()

    def _forget(self, descriptor: int) -> None:
        self._left.discard(descriptor)
        with contextlib.suppress(OSError):  # closed just now: the kernel has forgotten it
            self._epoll.unregister(descriptor)


def _to_curl(events: int) -> int:
    flags = 0
    if events & (select.EPOLLIN | select.EPOLLHUP):
        flags |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        flags |= pycurl.CSELECT_OUT
    if events & select.EPOLLERR:
        flags |= pycurl.CSELECT_ERR
    return int(flags)


_HEEDED = select.EPOLLIN | select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP
_TO_CURL = [_to_curl(events) for events in range(_HEEDED + 1)]
