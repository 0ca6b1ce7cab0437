"""Keeping the parts of `postcard run` running: one that ends by itself is started again, a few times, or all of it stops."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.commands.children import how_it_ended
from app.errors import CannotStart
from app.host.embedded import EmbeddedStore
from app.host.upkeep import daily_lifecycle

TRIES = 5
"""Starts in a row after an end; the pauses before them are 1, 2, 4, 8 and 16 seconds."""
WELL_SECONDS = 60.0
"""One that ran for so long was well: its next end counts as the first."""
LOOK_SECONDS = 0.5


class Part(Protocol):
    """A process that belongs to the whole."""

    name: str

    @property
    def log_file(self) -> Path:
        """Where it writes."""
        ...

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        ...

    def start(self) -> None:
        """Start it, also after an end.

        Raises:
            CannotStart: with a reason for a person.
        """

    def is_ready(self) -> bool:
        """Tell whether it serves."""
        ...

    def last_words(self) -> str:
        """Tell what it said last; empty when that is nothing for a person."""
        ...


class StorePart:
    """The embedded store as a part: its ports, credentials and objects stay, however often it starts."""

    name = "store"

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store

    @property
    def log_file(self) -> Path:
        """Where it writes."""
        return self._store.log_file

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._store.exit_code

    def start(self) -> None:
        """Let go of what the ended one held, and start it; returns when it answers."""
        self._store.stop()
        self._store.start()

    def is_ready(self) -> bool:
        """Tell whether it runs: it answered when it was started."""
        return self._store.pid != 0

    def last_words(self) -> str:
        """Say nothing: its log is for its makers."""
        return ""


@contextmanager
def kept_store(store: EmbeddedStore) -> Iterator[Part]:
    """Run the embedded store, and its lifecycle once a day, until the block ends."""
    store.start()
    try:
        with daily_lifecycle(store):
            yield StorePart(store)
    finally:
        store.stop()


@dataclass
class _Watched:
    part: Part
    ends: int = 0
    began: float = 0.0
    again_at: float | None = None  # None: it was started
    is_back: bool = True


class Keeper:
    """Looks after parts that were started; ``say`` gets one sentence for each thing that happens."""

    def __init__(
        self,
        parts: Sequence[Part],
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._watched = [_Watched(part, began=clock()) for part in parts]
        self._say = say
        self._clock = clock
        self._sleep = sleep

    def keep(self) -> str:
        """Look until a part cannot be kept running; gives the sentences that tell which, how it ended, and what to do."""
        while True:
            for each in self._watched:
                if told := self._look(each):
                    return told
            self._sleep(LOOK_SECONDS)

    def _look(self, each: _Watched) -> str:
        if each.again_at is not None:
            return self._start_again(each) if self._clock() >= each.again_at else ""
        if (code := each.part.exit_code) is not None:
            said = each.part.last_words() if code >= 0 else ""
            return self._ended(each, f"{how_it_ended(code)}{f', and said: {said}' if said else ''}")
        if not each.is_back and each.part.is_ready():
            each.is_back = True
            self._say(f"The {each.part.name} runs again.")
        return ""

    def _ended(self, each: _Watched, how: str) -> str:
        """Plan the next start; gives the closing words when there is none left."""
        each.ends = 1 if self._clock() - each.began >= WELL_SECONDS else each.ends + 1
        how = how.rstrip(".")
        if each.ends > TRIES:
            return (
                f"The {each.part.name} ended {each.ends} times in a row, the last time {how}. Postcard stops; nothing that was "
                f"accepted is lost. Read {each.part.log_file}, mend what it names, and start again: make run"
            )
        pause = 2.0 ** (each.ends - 1)
        each.again_at, each.is_back = self._clock() + pause, False
        self._say(
            f"The {each.part.name} ended {how}. It is started again in {pause:g} s (try {each.ends} of {TRIES}); the rest "
            f"goes on. Its log: {each.part.log_file}"
        )
        return ""

    def _start_again(self, each: _Watched) -> str:
        each.again_at, each.began = None, self._clock()
        try:
            each.part.start()
        except CannotStart as error:
            return self._ended(each, f"before it began: {error.detail}")
        return ""
