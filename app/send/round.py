"""One call of ``send_group``: starts requests as slots and pacing allow, and turns what comes back into outcomes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from queue import SimpleQueue

from app.model.messages import Outcome, Outgoing
from app.model.status import OutcomeKind
from app.send.answers import Answer, read_answer
from app.send.endpoints import Endpoints
from app.send.failures import explain_broken_answer, explain_no_answer, explain_no_connection
from app.send.loop import Loop
from app.send.transfer import Transfer
from app.telemetry import log

_LONGEST_WAIT_SECONDS = 0.1
_SLOT_WAIT_SECONDS = 0.02  # another thread holds the slots: look again soon
_QUICK_AGAIN = 50  # so many that returned at once: what blocked was the machine, not the pace
_NOTICEABLE_SECONDS = 0.0005  # a pace that blocks longer than this would keep answers waiting


class Slots:
    """How many requests may be under way over all threads; a semaphore without waiting, at a twentieth of its cost."""

    def __init__(self, count: int) -> None:
        self._free = deque([None] * count)  # ``pop`` and ``append`` are safe from many threads, without a lock

    def take(self) -> bool:
        """Take a slot if one is free."""
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def give(self) -> None:
        """Give a slot back."""
        self._free.append(None)


class _Pacer:
    """Calls ``pace`` here as long as it returns at once, in a thread of its own when it blocks, and here again after a while."""

    def __init__(self, pace: Callable[[], None], wake: Callable[[], None]) -> None:
        self._pace = pace
        self._wake = wake
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._blocks = False
        self._quick_in_a_row = 0
        self.waiting = False
        self.granted = False
        self.failure: BaseException | None = None

    def ask(self) -> None:
        """Ask for leave to start one request; ``granted`` tells when it is there, now or later."""
        if self._blocks:
            self._ask_thread()
            return
        self._call()

    def close(self) -> None:
        """Let the thread end; a call under way is not waited for."""
        if self._thread:
            self._asked.put(False)

    def _ask_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="gateway-pace", daemon=True)
            self._thread.start()
        self.waiting = True
        self._asked.put(True)

    def _serve(self) -> None:
        while self._asked.get():
            self._call()
            self.waiting = False
            self._wake()

    def _call(self) -> None:
        began = time.monotonic()
        try:
            self._pace()
        except BaseException as failure:  # noqa: BLE001 -- raised again in the caller's thread once all has landed
            self.failure = failure
        else:
            quick = time.monotonic() - began <= _NOTICEABLE_SECONDS
            self._quick_in_a_row = self._quick_in_a_row + 1 if quick else 0
            self._blocks = not quick or (self._blocks and self._quick_in_a_row < _QUICK_AGAIN)
            self.granted = True


class Round:
    """The state of one group on its way. ``spare`` and ``loop`` go back to the gateway afterwards."""

    def __init__(
        self,
        group: Iterable[Outgoing],
        pace: Callable[[], None],
        *,
        loop: Loop,
        slots: Slots,
        endpoints: Endpoints,
        take_transfer: Callable[[], Transfer],
        not_accepted: Collection[int],
    ) -> None:
        self.loop = loop
        self.spare: list[Transfer] = []
        self._group = iter(group)
        self._next: Outgoing | None = None
        self._failure: BaseException | None = None
        self._pacer = _Pacer(pace, loop.wake)
        self._slots = slots
        self._endpoints = endpoints
        self._take_transfer = take_transfer
        self._not_accepted = not_accepted
        self._under_way: set[Transfer] = set()

    def run(self) -> Iterator[Outcome]:
        """Yield outcomes until everything that was started has one.

        Raises:
            BaseException: what ``pace`` or the group's iterator raised, after all that is under way has landed.
        """
        self._advance()
        while True:
            starved = self._start_what_may()
            if not self._under_way and self._idle():
                break
            for transfer, error, words in self.loop.step(_SLOT_WAIT_SECONDS if starved else _LONGEST_WAIT_SECONDS):
                outcome = self._finish(transfer, error, words)
                if outcome:
                    yield outcome
        failure = self._failure or self._pacer.failure
        if failure:
            raise failure

    def close(self) -> int:
        """Give back what is held.

        Returns:
            how many requests were still under way, and are unknown.
        """
        self._pacer.close()
        abandoned = len(self._under_way)
        for transfer in list(self._under_way):
            self._release(transfer)
        return abandoned

    def _idle(self) -> bool:
        return not self._pacer.waiting and (self._next is None or self._pacer.failure is not None)

    def _start_what_may(self) -> bool:
        """Start requests while there is leave and a slot.

        Returns:
            whether a request has leave but no slot, because other threads hold them all.
        """
        while self._next is not None and not self._pacer.waiting and self._pacer.failure is None:
            if not self._pacer.granted:
                self._pacer.ask()
                continue
            if not self._slots.take():
                return True
            self._pacer.granted = False
            transfer = self.spare.pop() if self.spare else self._take_transfer()
            self._start(transfer, self._next, ())
            self._advance()
        return False

    def _advance(self) -> None:
        try:
            self._next = next(self._group, None)
        except BaseException as failure:  # noqa: BLE001 -- raised again in the caller's thread once all has landed
            self._next, self._failure = None, failure

    def _start(self, transfer: Transfer, outgoing: Outgoing, tried: tuple[str, ...]) -> bool:
        endpoint = self._endpoints.choose(tried)
        if endpoint is None:
            return False
        transfer.prepare(outgoing, endpoint, (*tried, endpoint))
        self._under_way.add(transfer)
        self.loop.add(transfer)
        return True

    def _finish(self, transfer: Transfer, error: int, words: str) -> Outcome | None:
        """Judge a transfer that ended; None when it was started anew at another endpoint."""
        self.loop.remove(transfer)
        outgoing, endpoint = transfer.outgoing, transfer.endpoint
        if outgoing is None:
            return None
        if error and not transfer.asked:
            if self._endpoints.note_failed(endpoint):
                log.warning("gateway endpoint left for a while", endpoint=endpoint, error=error, words=words)
            if self._start(transfer, outgoing, transfer.tried):
                return None
        outcome = self._judge(transfer, outgoing, error, words)
        self._give_back(transfer)
        return outcome

    def _judge(self, transfer: Transfer, outgoing: Outgoing, error: int, words: str) -> Outcome:
        answer = self._read(transfer, error, words)
        if transfer.body_left:
            proven = answer.mt_id or answer.code
            (self._endpoints.note_answered if proven else self._endpoints.note_doubt)(transfer.endpoint)
        return Outcome(
            message_id=outgoing.message_id,
            attempt_id=outgoing.attempt_id,
            kind=answer.kind,
            endpoint=transfer.endpoint,
            started_at=transfer.started_at,
            answered_at=datetime.now(UTC) if answer.http_status else None,
            http_status=answer.http_status,
            request_id=answer.request_id,
            mt_id=answer.mt_id,
            code=answer.code,
            description=answer.description,
            answer=transfer.hide_secrets(answer.text),
            pause=answer.pause,
            slow_down=answer.slow_down,
            drop_operator=answer.drop_operator,
        )

    def _read(self, transfer: Transfer, error: int, words: str) -> Answer:
        """Tell what is proven; an answer that came whole counts even if the connection broke after it."""
        if transfer.denied:
            return Answer(
                OutcomeKind.NOT_SENT, 0, description="The claim on this message had passed to another worker."
            )
        raw = f"libcurl {error}: {words}" if error else ""
        if not transfer.asked:
            said = explain_no_connection(error, transfer.proxy_status)
            return Answer(OutcomeKind.NOT_SENT, 0, description=said, text=raw, slow_down=True)
        status = transfer.http_status
        if status < 200:
            return Answer(OutcomeKind.UNKNOWN, 0, description=explain_no_answer(error), text=raw)
        answer = read_answer(status, transfer.headers, transfer.answer, not_accepted=self._not_accepted)
        if error and not (answer.mt_id or answer.code):
            said, text = explain_broken_answer(status), f"{answer.text}\n{raw}".lstrip()
            return Answer(OutcomeKind.UNKNOWN, status, answer.request_id, description=said, text=text)
        return answer

    def _release(self, transfer: Transfer) -> None:
        self.loop.remove(transfer)
        self._give_back(transfer)

    def _give_back(self, transfer: Transfer) -> None:
        self._under_way.discard(transfer)
        self._slots.give()
        transfer.forget()
        self.spare.append(transfer)
