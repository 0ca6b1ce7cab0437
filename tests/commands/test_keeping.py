"""The parts of `postcard run`: what ends by itself is started again, a few times; a person reads sentences, never JSON."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.commands.children import Child, how_it_ended, sentence_of
from app.commands.keeping import TRIES, WELL_SECONDS, Keeper


class Time:
    """A clock that sleeping moves on, but not while a process needs real time, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits_for: Callable[[], object] = lambda: True

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if self.waits_for():
            self.now += seconds
        else:
            time.sleep(0.02)


class Sleeper:
    """A process that lives for some seconds of a clock and then kills itself."""

    name = "sleeper"
    log_file = Path("sleeper.log")

    def __init__(self, clock: Time, lives: list[float]) -> None:
        self.clock = clock
        self.lives = lives
        self.started = 0
        self.start()

    def start(self) -> None:
        self.ends_at = self.clock() + self.lives[self.started]
        self.started += 1
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    @property
    def exit_code(self) -> int | None:
        if self.clock() >= self.ends_at:
            self.process.kill()
            self.process.wait()
        return self.process.poll()

    def is_ready(self) -> bool:
        return self.exit_code is None

    def last_words(self) -> str:
        return "not asked of a part that was killed"


def test_a_part_that_ends_again_and_again_stops_the_whole_with_its_own_words(tmp_path: Path) -> None:
    clock, said = Time(), list[str]()
    lost = {"PATH": os.defpath, "POSTCARD_DATA_DIR": str(tmp_path / "data"), "POSTCARD_WEB_PORT": "0"}
    worker = Child("worker", tmp_path, lost)
    worker.log_file.write_text('{"event": "an older start", "level": "error", "detail": "not asked for"}\n')
    worker.start()
    clock.waits_for = lambda: worker.exit_code is not None
    told = Keeper([worker], said.append, clock=clock, sleep=clock.sleep).keep()
    pauses = [line.split("started again in ")[1].split(" s")[0] for line in said if "started again" in line]
    assert pauses == ["1", "2", "4", "8", "16"]
    assert said[0].startswith("The worker ended with exit code 1, and said: ")
    assert "POSTCARD_SECRET_KEY must be set" in said[0]
    assert f"try 1 of {TRIES}" in said[0]
    assert told.startswith(f"The worker ended {TRIES + 1} times in a row, the last time with exit code 1, and said: ")
    assert str(tmp_path / "worker.log") in told
    assert "make run" in told
    for line in (*said, told):
        assert "{" not in line
        assert "an older start" not in line


def test_one_that_was_well_for_a_minute_counts_from_the_first_try_again() -> None:
    clock, said = Time(), list[str]()
    sleeper = Sleeper(clock, [5.0, WELL_SECONDS + 1, 5.0, *[0.0] * TRIES])
    told = Keeper([sleeper], said.append, clock=clock, sleep=clock.sleep).keep()
    tries = [line.split("(try ")[1][0] for line in said if "(try " in line]
    assert tries == ["1", "1", "2", "3", "4", "5"]
    assert "by signal 9, SIGKILL (somebody killed it, or the machine ran out of memory)" in said[0]
    assert "not asked" not in "".join(said)
    assert said[1] == "The sleeper runs again."
    assert told.startswith("The sleeper ended 6 times in a row")


def test_a_part_that_cannot_even_start_names_the_reason_at_once(tmp_path: Path) -> None:
    from app.errors import CannotStart

    web = Child(
        "web", tmp_path, {"PATH": os.defpath, "POSTCARD_DATA_DIR": str(tmp_path / "data")}, "http://127.0.0.1:9/"
    )
    web.start()
    with pytest.raises(CannotStart, match="The web ended while it started, with exit code 1") as refused:
        web.wait_until_ready()
    assert "POSTCARD_CALLBACK_SECRET must be set" in refused.value.detail


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("", ""),
        ('{"event": "worker started", "level": "info"}\n', ""),
        ('{"event": "e", "level": "error", "detail": "It is full."}\n{"event": "f", "level": "info"}', "e: It is full."),
        ('{"event": "broke", "level": "error", "exception": "Traceback ...\\nKeyError: 5"}', "broke: KeyError: 5"),
        ('{"event": "broke", "level": "error"}', "broke"),
        ('{"half a line', ""),
        ("Postcard cannot start: Port 1 is in use.\nMend that.\n", "Postcard cannot start: Port 1 is in use. Mend that."),
        ('{"event": "x"}\nTraceback (most recent call last):\n  File "a"\nValueError: five\nShutting down', "ValueError: five"),
    ],
)  # fmt: skip
def test_the_end_of_a_log_becomes_a_sentence(log: str, sentence: str) -> None:
    assert sentence_of(log) == sentence


def test_an_exit_is_put_into_words() -> None:
    assert how_it_ended(0) == "with exit code 0"
    assert how_it_ended(-11) == "by signal 11, SIGSEGV"
