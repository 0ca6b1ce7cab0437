"""STOP and HELP are answered by whoever the settings say: once, at once, and never late."""

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.errors import SettingsInvalid
from app.model.messages import TextPart
from app.model.status import CampaignState, MessageState
from app.pipeline import settle_report
from app.records.campaigns import list_campaigns
from app.records.suppressions import add_suppressions, list_suppressions
from app.records.tables import campaigns
from app.settings import read_settings, texts_by_country
from app.wiring import require_consistent
from tests.path import campaign_of, messages_of, take, work_off
from tests.records.rows import MovableClock
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"
STOPPED = "Sunshine Deals: you are unsubscribed and get no more messages."
HELPED = "Sunshine Deals: help at 0800 555 0100. Reply STOP to stop."


@pytest.fixture
def answering(post: Postcard) -> Postcard:
    """The path where Postcard answers for the US sender."""
    openmarket = replace(post.settings.openmarket, replies=("US:postcard",), stop_text=STOPPED, help_text=HELPED)
    post.database.clock = MovableClock()
    return replace(post, settings=replace(post.settings, openmarket=openmarket))


def inbound(post: Postcard, mo_id: int | None, text: str, **changes: Any) -> None:
    """Let a text come in, without working on it."""
    details = {"type": "MO", "source": TO, "destinations": ["88600"], **({"moId": mo_id} if mo_id else {}), **changes}
    body = (
        "--b\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n"
        f"{json.dumps(details)}\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n\r\n--b--\r\n"
    )
    take(post, body.encode(), "multipart/mixed; boundary=b")


def texts(sandbox: RunningSandbox, number: str = TO) -> list[str]:
    """What the number got."""
    return [part["text"].strip() for each in sandbox.messages(number) for part in each["contents"] if part.get("text")]


def test_a_stop_is_confirmed_once_and_nothing_else_leaves(answering: Postcard, sandbox: RunningSandbox) -> None:
    inbound(answering, 1, "Stop!")
    inbound(answering, 1, "Stop!")
    inbound(answering, 2, "STOP")
    work_off(answering)
    create_campaign(answering, Order(parts=(TextPart("Sale"),), recipients=[TO]), created_by="test")
    work_off(answering)
    assert sandbox.counts()["accepted"] == {TO: 1}
    assert texts(sandbox) == [STOPPED]
    with answering.database.read() as connection:
        assert [each.reason for each in list_suppressions(connection)] == ["keyword"]


def test_help_is_answered_also_to_a_suppressed_number_but_not_again_and_again(
    answering: Postcard, sandbox: RunningSandbox
) -> None:
    for number, word in enumerate(["HELP", "help", "info"], start=1):
        inbound(answering, number, word)
        work_off(answering)
    assert texts(sandbox) == [HELPED]


def test_a_number_that_a_person_suppressed_gets_no_answer_to_help(answering: Postcard, sandbox: RunningSandbox) -> None:
    with answering.change() as change:
        add_suppressions(change.connection, [TO], reason="person", note="", created_by="Ann", at=change.at)
    inbound(answering, 1, "HELP")
    work_off(answering)
    assert sandbox.counts()["accepted"] == {}


def test_an_answer_that_would_be_late_does_not_leave(answering: Postcard, sandbox: RunningSandbox) -> None:
    clock: MovableClock = answering.database.clock  # type: ignore[assignment]  # -- set by the fixture
    inbound(answering, 1, "STOP")
    clock.move(minutes=6)
    work_off(answering)
    assert sandbox.counts()["accepted"] == {}
    inbound(answering, 2, "HELP")
    settle_report(answering)
    clock.move(minutes=6)
    work_off(answering)
    assert sandbox.counts()["accepted"] == {}
    with answering.database.read() as connection:
        (campaign_id,) = connection.execute(sa.select(campaigns.c.id)).scalars()
    message = messages_of(answering, campaign_id)[TO]
    assert (message.state, message.attempts) == (MessageState.SUPPRESSED, 0)
    assert "within minutes" in message.problem
    assert campaign_of(answering, campaign_id).state is CampaignState.FINISHED


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("thanks", {}),
        ("please stop texting me", {}),
        ("START", {}),
        ("STOP", {"destinations": ["99999"]}),
        ("STOP", {"source": "447700900765", "destinations": ["447700900750"]}),
        ("STOP", {"source": "88600"}),
        ("STOP", {"date": "2026-11-22T11:50:00+00:00"}),
    ],
)
def test_what_is_not_ours_to_answer_gets_no_answer(
    answering: Postcard, sandbox: RunningSandbox, text: str, changes: dict[str, Any]
) -> None:
    inbound(answering, 1, text, **changes)
    work_off(answering)
    assert sandbox.counts()["accepted"] == {}


def test_by_default_openmarket_answers_and_postcard_only_suppresses(post: Postcard, sandbox: RunningSandbox) -> None:
    inbound(post, 1, "STOP")
    inbound(post, 2, "HELP")
    work_off(post)
    assert sandbox.counts()["accepted"] == {}
    with post.database.read() as connection:
        assert [each.number for each in list_suppressions(connection)] == [TO]


def test_answers_are_not_listed_among_campaigns(answering: Postcard) -> None:
    inbound(answering, 1, "HELP")
    work_off(answering)
    with answering.database.read() as connection:
        assert list_campaigns(connection) == []


def test_a_stop_without_an_id_is_heeded_however_many_came_before(post: Postcard) -> None:
    inbound(post, None, "hello")
    inbound(post, None, "STOP")
    work_off(post)
    with post.database.read() as connection:
        assert [each.number for each in list_suppressions(connection)] == [TO]


def test_where_postcard_answers_it_needs_its_texts(answering: Postcard) -> None:
    openmarket = replace(answering.settings.openmarket, help_text=" ")
    with pytest.raises(SettingsInvalid, match="POSTCARD_OPENMARKET_HELP_TEXT"):
        require_consistent(replace(answering.settings, openmarket=openmarket))
    require_consistent(answering.settings)
    with pytest.raises(SettingsInvalid, match="US:postcard"):
        read_settings({"POSTCARD_OPENMARKET_REPLIES": "US:nobody"})


def test_the_sender_of_a_country_has_words_of_its_own(post: Postcard, sandbox: RunningSandbox) -> None:
    openmarket = replace(
        post.settings.openmarket,
        replies=("US:postcard", "GB:postcard", "IE:postcard"),
        stop_text=f"{STOPPED} | GB: Sunshine UK: you are unsubscribed.",
        help_text=HELPED,
    )
    path = replace(post, settings=replace(post.settings, openmarket=openmarket))
    require_consistent(path.settings)
    inbound(path, 1, "STOP", source="447700900765", destinations=["447700900750"])
    inbound(path, 2, "UNSUB", source="353851234567", destinations=["50123"])
    work_off(path)
    assert texts(sandbox, "447700900765") == ["Sunshine UK: you are unsubscribed."]
    assert texts(sandbox, "353851234567") == [STOPPED]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ("Hi: all", {"": "Hi: all"}),
        ("US: a|GB:b: c", {"US": "a", "GB": "b: c"}),
        ("all | IE:ie", {"": "all", "IE": "ie"}),
        ("", {"": ""}),
    ],
)
def test_texts_are_read_per_country(texts: str, found: dict[str, str]) -> None:
    assert texts_by_country(texts) == found


@pytest.mark.parametrize("texts", ["a|b", "US:a|US:b", "US:" + "x" * 501, "a\nb"])
def test_texts_that_contradict_or_are_too_long_are_refused(texts: str) -> None:
    with pytest.raises(SettingsInvalid, match="POSTCARD_OPENMARKET_STOP_TEXT"):
        read_settings({"POSTCARD_OPENMARKET_STOP_TEXT": texts})


def test_a_country_without_words_is_named(answering: Postcard) -> None:
    openmarket = replace(answering.settings.openmarket, replies=("US:postcard", "GB:postcard"), stop_text="US:bye")
    with pytest.raises(SettingsInvalid, match=r"Postcard answer: GB$"):
        require_consistent(replace(answering.settings, openmarket=openmarket))
