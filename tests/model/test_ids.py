"""Ids: their form, and their order."""

import re
import threading
import time

import pytest

from app.model.ids import new_id


def test_an_id_tells_its_kind_and_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id("ast")
    assert re.fullmatch(r"ast_[0-9a-f]{24}", made)
    assert before <= int(made[4:16], 16) <= time.time_ns() // 1_000_000


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made() -> None:
    made = [new_id("rpt") for _ in range(20_000)]
    assert made == sorted(set(made))
    assert len({each[:16] for each in made}) < len(made) / 10


def test_a_clock_that_is_set_back_does_not_turn_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id("msg")
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    after = [new_id("msg") for _ in range(100)]
    assert [before, *after] == sorted({before, *after})


def test_threads_get_ids_of_their_own() -> None:
    made: list[list[str]] = [[] for _ in range(8)]

    def make(into: list[str]) -> None:
        into.extend(new_id("att") for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for into in made for each in into}) == 16_000
    assert all(into == sorted(into) for into in made)
