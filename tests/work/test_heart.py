"""A worker beats as long as its threads come back for work, and is silent when all of them hang."""

import os
from datetime import timedelta

from app.duties.postcard import Postcard
from app.records.database import Database
from app.records.heartbeats import begin_beating, silent_seconds, worker_name
from app.work.heart import Heart
from tests.records.rows import MovableClock


def silent(post: Postcard) -> dict[str, float]:
    with post.database.read() as connection:
        return silent_seconds(connection, at=post.database.now(connection))


def test_a_worker_beats_while_its_threads_come_back_and_falls_silent_when_none_does(post: Postcard) -> None:
    clock = post.database.clock = MovableClock()
    heart = Heart(post, clock=lambda: clock.now().timestamp())
    me = worker_name(os.getpid())
    heart.begin()
    for _ in range(100):  # a quarter of an hour
        clock.move(seconds=10)
        heart.came_back()
        heart.beat()
    assert silent(post) == {me: 0.0}
    clock.move(seconds=400)  # two long clips, each as long as a decoder may take, and waited for
    heart.beat()
    assert silent(post) == {me: 0.0}
    clock.move(seconds=200)
    heart.beat()
    assert silent(post) == {me: 200.0}
    heart.came_back()
    heart.beat()
    assert silent(post) == {me: 0.0}
    heart.end()
    assert silent(post) == {}


def test_those_who_were_killed_are_forgotten_after_a_day(database: Database) -> None:
    with database.write() as connection:
        at = database.now(connection)
        begin_beating(connection, "old:1", at=at - timedelta(hours=25))
        begin_beating(connection, "young:1", at=at - timedelta(hours=23))
        begin_beating(connection, "new:1", at=at)
        assert set(silent_seconds(connection, at=at)) == {"young:1", "new:1"}
