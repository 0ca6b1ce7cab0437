"""The pool of decoders: ``pool.run(probe_media, path, ...)`` gives the answer or one of our errors."""

import os
import select
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from app.confine import wire
from app.confine.decoder import Limits
from app.confine.forks import Decoder, Nursery, NurseryGoneError
from app.errors import CannotStart, DecoderBusy, MediaDamaged, MediaTooBig, PostcardError
from app.telemetry import log

P = ParamSpec("P")
T = TypeVar("T")

Watch = Callable[[], None]
"""Called some times a second while an answer is waited for; what it raises ends the job and its process."""
WATCH_SECONDS = 0.25

_POOLS: "weakref.WeakSet[DecoderPool]" = weakref.WeakSet()


class DecoderPool:
    """At most ``processes`` confined processes, one job at a time in each.

    Nothing starts before the first job, and then in the process that asks: a pool made before a fork works in the
    child. A process is replaced after any failure, a time-out, or ``jobs_each`` jobs.

    Args:
        processes: how many jobs run at once; further callers wait.
        seconds: wall clock of one job, after which its process is killed.
        memory_bytes: address space for the work itself, beyond what the preloaded libraries map.
        cpu_seconds: CPU time of one job; default: ``seconds``.
        file_bytes: longest file that a job may write.
        preload: modules that are imported once, before the first fork.
        wait_seconds: how long a caller waits for a free process.
        jobs_each: after how many jobs a process is replaced.
    """

    def __init__(
        self,
        processes: int,
        *,
        seconds: float,
        memory_bytes: int,
        cpu_seconds: float | None = None,
        file_bytes: int = 1 << 30,
        preload: Sequence[str] = (),
        wait_seconds: float = 60.0,
        jobs_each: int = 200,
    ) -> None:
        self._processes = processes
        self._seconds = seconds
        self._limits = Limits(memory_bytes, seconds if cpu_seconds is None else cpu_seconds, file_bytes)
        self._preload = tuple(preload)
        self._wait_seconds = wait_seconds
        self._jobs_each = jobs_each
        self._forget()
        _POOLS.add(self)

    def _forget(self) -> None:
        self._free = threading.BoundedSemaphore(self._processes)
        self._lock = threading.Lock()
        self._idle: list[Decoder] = []
        self._nursery: Nursery | None = None
        self._closed = False

    def after_fork(self) -> None:
        """Let go of what belongs to the process that we were forked from, without touching its children."""
        for decoder in self._idle:
            decoder.sock.close()
        if self._nursery:
            self._nursery.control.close()
            self._nursery.process.returncode = 0  # not our child: nobody here may wait for it
        self._forget()

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a module-level function in a confined process; arguments and result are data by their type hints.

        Our errors come back as the function raised them. MediaDamaged also says that the process broke on this
        file, MediaTooBig that it needed more time, CPU or memory than a job may use, CannotStart that no process
        can be made at all.

        Raises:
            DecoderBusy: no process came free in time, or the pool was closed.
        """
        return cast("T", self._wait_and_run(call, wire.encode_call(call, args, kwargs), None))

    def run_watched(self, watch: Watch, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run like :meth:`run`, and call ``watch`` some times a second meanwhile, in this thread.

        What it raises leaves here; the process is killed then, with every program that it started.
        """
        return cast("T", self._wait_and_run(call, wire.encode_call(call, args, kwargs), watch))

    def _wait_and_run(self, call: Callable[..., Any], request: bytes, watch: Watch | None) -> Any:
        """Wait for a free process and run the job in it.

        Raises:
            DecoderBusy: no process came free in time, or the pool was closed.
        """
        if not self._free.acquire(timeout=self._wait_seconds):
            raise DecoderBusy(f"No decoder came free within {self._wait_seconds:g} seconds.")
        try:
            try:
                return self._run(call, request, watch)
            except NurseryGoneError:
                # Somebody ended all decoders, this one in the middle of its job: the file is not to blame.
                return self._run(call, request, watch)
        except NurseryGoneError as gone:
            raise DecoderBusy("The decoders were stopped while this file was open.") from gone
        finally:
            self._free.release()

    def _run(self, call: Callable[..., Any], request: bytes, watch: Watch | None) -> Any:
        decoder = self._take()
        whole = False
        try:
            result = wire.decode_answer(call, self._ask(decoder, request, watch))
            whole = True
        except TimeoutError as late:
            raise MediaTooBig(
                f"Opening this file took longer than {self._seconds:g} seconds.", limit_seconds=self._seconds
            ) from late
        except wire.DecoderDiedError as died:
            raise self._explain(decoder) from died
        except wire.AnswerMalformedError as malformed:
            log.warning("decoder_answer_malformed", why=str(malformed)[:200])
            raise MediaDamaged("The decoder broke on this file.") from malformed
        except wire.CallFailedError as failed:
            raise self._translate(failed) from failed
        finally:
            if whole and decoder.jobs < self._jobs_each:
                self._keep(decoder)
            else:
                self._end(decoder)
        return result

    def _ask(self, decoder: Decoder, request: bytes, watch: Watch | None) -> bytes:
        deadline = time.monotonic() + self._seconds
        decoder.jobs += 1
        decoder.sock.settimeout(self._seconds)
        try:
            wire.send_frame(decoder.sock, request)
        except ConnectionError as gone:
            raise wire.DecoderDiedError from gone
        if watch is not None:
            _watch_until_answered(decoder.sock, watch, deadline)
        return wire.receive_frame(decoder.sock, deadline=deadline)

    def _take(self) -> Decoder:
        with self._lock:
            if self._closed:
                raise DecoderBusy("Postcard is stopping.")
            while self._idle:
                decoder = self._idle.pop()
                if decoder.is_quiet():
                    return decoder
                self._end_locked(decoder)
            for _ in range(2):  # a nursery that somebody killed is started anew, once
                if self._nursery is None:
                    self._nursery = Nursery(self._preload, self._limits)
                try:
                    return self._nursery.fork()
                except NurseryGoneError:
                    self._drop_nursery()
        raise CannotStart("The decoders do not start: no process can be forked.")

    def _keep(self, decoder: Decoder) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(decoder)
                return
        decoder.sock.close()

    def _end(self, decoder: Decoder) -> int | None:
        with self._lock:
            return self._end_locked(decoder)

    def _end_locked(self, decoder: Decoder) -> int | None:
        """Kill and reap; None when there is no nursery left to tell, or the decoder was ended before."""
        if self._nursery is None or decoder.sock.fileno() < 0:
            decoder.sock.close()
            return None
        try:
            return self._nursery.end(decoder)
        except NurseryGoneError:
            self._drop_nursery()
            return None

    def _drop_nursery(self) -> None:
        """Close a nursery that does not answer; its children die with it."""
        for decoder in self._idle:
            decoder.sock.close()
        self._idle.clear()
        if self._nursery:
            self._nursery.close()
        self._nursery = None

    def _explain(self, decoder: Decoder) -> Exception:
        """Say why a decoder died in the middle of a job: one of our errors, or that all of them were ended."""
        # It closed its socket, so it is about to end: let it, or our own signal would hide the one that it died of.
        _wait_for_end(decoder.pid)
        status = self._end(decoder)
        if status is None:
            return NurseryGoneError()
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        log.warning("decoder_died", pid=decoder.pid, signal=ended_by, status=status)
        if ended_by == signal.SIGXCPU:
            limit = self._limits.cpu_seconds
            return MediaTooBig(f"Opening this file took more than {limit:g} seconds of CPU time.", limit_seconds=limit)
        if ended_by == signal.SIGKILL:
            return MediaTooBig("Opening this file needed more memory than there is.")
        return MediaDamaged("The decoder broke on this file.")

    def _translate(self, failed: wire.CallFailedError) -> PostcardError:
        log.warning("decoder_failed", kind=failed.kind, traceback=failed.text)
        if failed.kind == "MemoryError":
            limit = self._limits.memory_bytes
            return MediaTooBig(f"Opening this file needed more than {limit:,} bytes of memory.", limit_bytes=limit)
        return MediaDamaged("No decoder gets through this file.")

    def close(self) -> None:
        """End every process, also those at work: their callers get DecoderBusy. The pool is then of no more use."""
        with self._lock:
            self._closed = True
            self._drop_nursery()


def _watch_until_answered(sock: socket.socket, watch: Watch, deadline: float) -> None:
    """Call ``watch`` until an answer begins to come, the other end closes, or the time is over."""
    answer = select.poll()
    answer.register(sock, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and not answer.poll(1000 * min(WATCH_SECONDS, left)):
        watch()


def _wait_for_end(pid: int, seconds: float = 1.0) -> None:
    """Wait until ``pid`` is a zombie, at most ``seconds``; whoever lives on is killed afterwards."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in {"Z", "X"}:
            return
        time.sleep(0.005)


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)
