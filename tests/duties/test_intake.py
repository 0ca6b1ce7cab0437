"""POSTs share commits, and none is answered before its own is durable."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from app.duties.intake import Intake
from app.errors import DatabaseBusy
from app.records.callbacks import Posted, add_callbacks, new_callbacks
from app.records.database import Database


def posted(number: int) -> Posted:
    return Posted(b"%d" % number, "application/json", "r")


def store_in(database: Database, some: Sequence[Posted]) -> None:
    with database.write() as connection:
        add_callbacks(connection, some, at=database.now(connection))


def kept(database: Database) -> set[bytes]:
    with database.read() as connection:
        return {each.body for each in new_callbacks(connection, limit=10_000)}


def all_at_once(intake: Intake, count: int) -> list[int | Exception]:
    """Take ``count`` POSTs in as many threads; gives the number of each that was answered, or its error."""
    answers: list[int | Exception] = []
    barrier = threading.Barrier(count)

    def one(number: int) -> None:
        barrier.wait()
        try:
            intake.take(posted(number))
        except Exception as error:  # noqa: BLE001 -- what a request would answer
            answers.append(error)
        else:
            answers.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def test_those_that_wait_share_a_commit_and_each_is_durable_when_it_is_answered(database: Database) -> None:
    groups: list[int] = []

    def store(some: Sequence[Posted]) -> None:
        time.sleep(0.02)  # a slow disk, so that a crowd gathers
        store_in(database, some)
        groups.append(len(some))

    answers = all_at_once(Intake(store), 64)
    assert sorted(each for each in answers if isinstance(each, int)) == list(range(64))
    assert kept(database) == {b"%d" % number for number in range(64)}
    assert sum(groups) == 64
    assert len(groups) < 32


def test_one_that_comes_alone_waits_for_nobody(database: Database) -> None:
    groups: list[int] = []
    intake = Intake(lambda some: groups.append(len(some)))
    for number in range(3):
        intake.take(posted(number))
    assert groups == [1, 1, 1]


def test_a_group_that_is_not_stored_is_not_answered_and_the_next_one_is(database: Database) -> None:
    busy = threading.Event()
    busy.set()

    def store(some: Sequence[Posted]) -> None:
        if busy.is_set():
            time.sleep(0.02)
            raise DatabaseBusy("The database is locked.")
        store_in(database, some)

    intake = Intake(store)
    answers = all_at_once(intake, 16)
    assert [type(each) for each in answers] == [DatabaseBusy] * 16
    assert kept(database) == set()
    busy.clear()
    intake.take(posted(1))
    assert kept(database) == {b"1"}


def test_one_that_no_database_takes_spoils_no_other(database: Database) -> None:
    def store(some: Sequence[Posted]) -> None:
        time.sleep(0.02)
        if any(each.body == b"7" for each in some):
            raise ValueError("seven")
        store_in(database, some)

    answers = all_at_once(Intake(store), 16)
    assert sorted(str(each) for each in answers if not isinstance(each, int)) == ["seven"]
    assert kept(database) == {b"%d" % number for number in range(16)} - {b"7"}


def test_a_leader_that_is_torn_away_leaves_nobody_waiting_or_falsely_answered(database: Database) -> None:
    class Ended(BaseException):
        """As a server ends a thread."""

    first = threading.Event()

    def store(some: Sequence[Posted]) -> None:
        if not first.is_set():
            first.set()
            time.sleep(0.05)
            raise Ended
        store_in(database, some)

    intake = Intake(store)
    torn: list[BaseException] = []

    def lead() -> None:
        try:
            intake.take(posted(99))
        except BaseException as error:  # noqa: BLE001 -- the point of this test
            torn.append(error)

    leader = threading.Thread(target=lead)
    leader.start()
    first.wait()
    assert sorted(map(str, all_at_once(intake, 8))) == [str(number) for number in range(8)]
    leader.join(timeout=60)
    assert [type(each) for each in torn] == [Ended]
    assert b"99" not in kept(database)


def _killed_before_the_commit(database: Database, some: Sequence[Posted]) -> None:
    with database.write() as connection:
        add_callbacks(connection, some, at=database.now(connection))
        if len(some) > 1:
            os.kill(os.getpid(), signal.SIGKILL)


def _killed_before_the_answer(database: Database, some: Sequence[Posted]) -> None:
    store_in(database, some)
    if len(some) > 1:
        os.kill(os.getpid(), signal.SIGKILL)


def _serve(database_url: str, store: Callable[[Database, Sequence[Posted]], None], answered: Path) -> None:
    intake = Intake(partial(store, Database(database_url)))

    def take(number: int) -> None:
        intake.take(posted(number))
        with answered.open("a") as file:
            file.write(f"{number}\n")

    take(0)
    threads = [threading.Thread(target=take, args=(number,)) for number in range(1, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)


@pytest.mark.parametrize("store", [_killed_before_the_commit, _killed_before_the_answer])
def test_kill_9_at_the_worst_moments_loses_nothing_that_was_answered(
    database_url: str, database: Database, tmp_path: Path, store: Callable[[Database, Sequence[Posted]], None]
) -> None:
    answered = tmp_path / "answered"
    process = get_context("spawn").Process(target=_serve, args=(database_url, store, answered))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    told = {line.encode() for line in answered.read_text().split()}
    assert b"0" in told
    assert told <= kept(database)
    if store is _killed_before_the_answer:
        assert len(kept(database)) > len(told)  # kept without an answer: OpenMarket repeats it, and nothing breaks
