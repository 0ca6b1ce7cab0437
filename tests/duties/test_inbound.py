"""What a number asked for last stands: STOP, START, what only sounds like it, and what a person decided."""

from datetime import datetime, timedelta

import pytest

from app.duties.inbound import lift_phrase
from app.duties.postcard import Postcard
from app.pipeline import settle_report
from app.records.suppressions import add_suppressions, reasons_of
from tests.duties.test_replies import TO, inbound
from tests.records.rows import MovableClock

LEAVE_ME = "please leave me alone"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def told(post: Postcard, clock: MovableClock) -> Postcard:
    """The path by a clock that tests move."""
    post.database.clock = clock
    return post


def say(post: Postcard, mo_id: int, text: str, *, said: datetime | None = None) -> None:
    inbound(post, mo_id, text, **({"date": said.isoformat()} if said else {}))
    settle_report(post)


def reason(post: Postcard, number: str = TO) -> str | None:
    with post.database.read() as connection:
        return reasons_of(connection, [number]).get(number)


def lift(post: Postcard) -> None:
    with post.change() as change:
        lift_phrase(change, TO)


@pytest.mark.parametrize(
    ("texts", "stands"),
    [
        (["STOP"], "keyword"),
        (["STOP", "Start!"], None),
        (["STOP", "START", "stop"], "keyword"),
        (["START"], None),
        (["START", "STOP"], "keyword"),
        ([LEAVE_ME], "phrase"),
        ([LEAVE_ME, "START"], "phrase"),
        (["STOP", LEAVE_ME, "START"], "phrase"),
        (["STOP", "HELP", "thanks"], "keyword"),
        (["STOP", "START the sale"], "keyword"),
    ],
)
def test_start_undoes_a_keyword_alone(told: Postcard, texts: list[str], stands: str | None) -> None:
    for number, text in enumerate(texts):
        say(told, number, text)
    assert reason(told) == stands


def test_start_does_not_undo_what_a_person_listed(told: Postcard) -> None:
    say(told, 1, "STOP")
    with told.change() as change:
        add_suppressions(change.connection, [TO], reason="person", note="by mail", created_by="test", at=change.at)
    say(told, 2, "START")
    assert reason(told) == "person"


@pytest.mark.parametrize("texts", [["STOP", LEAVE_ME], [LEAVE_ME, "STOP"], ["START", "STOP", LEAVE_ME]])
def test_a_person_who_lifts_a_phrase_does_not_lift_a_stop(told: Postcard, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        say(told, number, text)
    assert reason(told) == "phrase"
    lift(told)
    assert reason(told) == "keyword"
    say(told, 9, "START")
    assert reason(told) is None


@pytest.mark.parametrize("texts", [[LEAVE_ME], ["STOP", "START", LEAVE_ME], ["STOP", LEAVE_ME, "START"]])
def test_a_person_lifts_what_only_sounded_like_a_stop(told: Postcard, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        say(told, number, text)
    lift(told)
    assert reason(told) is None


def test_a_start_that_comes_late_does_not_undo_a_stop_that_was_said_after_it(
    told: Postcard, clock: MovableClock
) -> None:
    now = clock.now()
    say(told, 1, "STOP", said=now - timedelta(minutes=5))
    say(told, 2, "START", said=now - timedelta(minutes=30))
    assert reason(told) == "keyword"
    say(told, 3, "START", said=now - timedelta(minutes=1))
    assert reason(told) is None


def test_a_stop_of_the_future_is_one_of_now(told: Postcard, clock: MovableClock) -> None:
    say(told, 1, "STOP", said=clock.now() + timedelta(days=400))
    clock.move(minutes=1)
    say(told, 2, "START")
    assert reason(told) is None


def test_keywords_that_come_in_one_batch_count_in_their_order(told: Postcard) -> None:
    for number, text in enumerate(["START", "STOP", "START", "STOP"]):
        inbound(told, number, text)
    settle_report(told)
    assert reason(told) == "keyword"


def test_the_same_stop_posted_again_does_not_undo_a_start(told: Postcard) -> None:
    say(told, 1, "STOP")
    say(told, 2, "START")
    say(told, 1, "STOP")
    assert reason(told) is None
