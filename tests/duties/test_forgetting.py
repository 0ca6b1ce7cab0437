"""Once a day what is old is forgotten, by the settings, while others go on writing."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.duties.forgetting import BATCH_ROWS, forget_old
from app.duties.postcard import Postcard
from app.duties.shown import show_part
from app.errors import NotFound
from app.records import tables
from app.records.callbacks import list_inbound
from app.records.suppressions import list_suppressions
from app.settings import Retention
from tests.path import report
from tests.records.rows import MovableClock

STOP = b'{"type": "MO", "moId": 7, "source": "12515550199", "destinations": ["88600"], "subject": "STOP"}'


def add_jobs(post: Postcard, count: int) -> None:
    """Add jobs that ended a month ago."""
    with post.change() as change:
        old = change.at - timedelta(days=30)
        rows = [
            {"id": f"job_{number:06}", "kind": "fit_asset", "subject": "a", "state": "done", "not_before": old,
             "attempts": 1, "created_at": old, "finished_at": old}
            for number in range(count)
        ]  # fmt: skip
        change.connection.execute(sa.insert(tables.jobs), rows)


def test_others_write_while_thousands_of_rows_are_forgotten(either: Postcard) -> None:
    add_jobs(either, 8 * BATCH_ROWS)
    written, counts = list[int](), dict[str, int]()
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            with either.change() as change:
                change.connection.execute(sa.update(tables.senders).values(tps=len(written)))
            written.append(len(written))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts.update(forget_old(either))
    finally:
        over.set()
        writer.join()
    assert counts["jobs"] == 8 * BATCH_ROWS
    assert len(written) >= 8  # at least once between two batches


def test_nothing_is_forgotten_with_zero_days(either: Postcard) -> None:
    add_jobs(either, 3)
    for_ever = Retention(callbacks_days=0, answers_days=0, keys_days=0, jobs_days=0, audit_days=0)
    kept = replace(either, settings=replace(either.settings, retention=for_ever))
    assert forget_old(kept) == {}
    assert forget_old(either)["jobs"] == 3


def test_a_process_that_is_asked_to_stop_stops_between_two_batches(post: Postcard) -> None:
    add_jobs(post, 3)
    post.stopping.set()
    assert forget_old(post)["jobs"] == 0


def test_a_stop_stays_a_stop_when_its_post_is_forgotten(either: Postcard) -> None:
    clock = either.database.clock = MovableClock()
    clock.move(days=30_000)  # ids are made by this machine's clock: all of them are old
    report(either, STOP)
    assert forget_old(either)["callbacks"] == 1
    with either.database.read() as connection:
        (kept,) = list_inbound(connection)
        assert (kept.subject, kept.source) == ("STOP", "12515550199")
        assert [each.number for each in list_suppressions(connection)] == ["12515550199"]
    with pytest.raises(NotFound, match="not kept any more"):
        show_part(either, kept.id, 0)
