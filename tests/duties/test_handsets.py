"""What handsets tell is kept under a hash of the number, and an operator chooses a rendition without being sent."""

import json
from dataclasses import replace

import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.handsets import BELIEVED, number_hash
from app.duties.postcard import Postcard
from app.duties.preview import preview_campaign
from app.model.messages import TextPart
from app.records.handsets import Handset, Learnt, find_handset, learn_handsets
from app.records.tables import handsets
from tests.path import messages_of, report, work_off
from tests.records.rows import MovableClock
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"
TMOBILE, ATT = 79, 383
ORDER = Order(parts=(TextPart("Hi"),), recipients=[TO])


def reply(
    post: Postcard, mo_id: int, operator_id: int | None, date: str = "2026-11-22T12:00:00+00:00", agent: str = ""
) -> None:
    details = {"type": "MO", "moId": mo_id, "source": TO, "destinations": ["88600"], "date": date}
    details |= {"mobileOperatorId": operator_id, "userAgent": agent}
    body = (
        b"--b\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n"
        + json.dumps(details).encode()
        + b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nthanks\r\n\r\n--b--\r\n"
    )
    report(post, body, "multipart/mixed; boundary=b")


def handset(post: Postcard) -> Handset:
    with post.database.read() as connection:
        found = find_handset(connection, number_hash(post, TO))
    assert found is not None
    return found


def profile_of_a_new_message(post: Postcard) -> str:
    campaign = create_campaign(post, replace(ORDER, start=False), created_by="test")
    return messages_of(post, campaign.id)[TO].profile


def test_a_reply_names_the_operator_that_chooses_the_next_rendition_and_is_not_sent(
    post: Postcard, sandbox: RunningSandbox
) -> None:
    post.database.clock = MovableClock()
    assert profile_of_a_new_message(post) == "xlarge"
    reply(post, 1, TMOBILE)
    assert profile_of_a_new_message(post) == "max"
    assert [each.plan.profile.name for each in preview_campaign(post, ORDER)] == ["max"]
    campaign = create_campaign(post, ORDER, created_by="test")
    work_off(post)
    assert messages_of(post, campaign.id)[TO].operator_id is None
    assert "mobileOperatorId" not in sandbox.messages(TO)[-1]["details"]


def test_what_the_caller_says_of_operator_or_profile_goes_first(post: Postcard) -> None:
    reply(post, 1, TMOBILE)
    told = replace(ORDER, recipients=[{"number": TO, "operator_id": ATT}], start=False)
    campaign = create_campaign(post, told, created_by="test")
    assert messages_of(post, campaign.id)[TO].profile == "xlarge"
    campaign = create_campaign(post, replace(ORDER, profile="universal", start=False), created_by="test")
    assert messages_of(post, campaign.id)[TO].profile == "universal"


def test_an_operator_that_was_named_long_ago_is_not_believed(post: Postcard) -> None:
    clock = post.database.clock = MovableClock()
    reply(post, 1, TMOBILE)
    clock.move(days=BELIEVED.days + 1)
    assert profile_of_a_new_message(post) == "xlarge"


def test_the_latest_word_stands_in_whatever_order_it_comes(post: Postcard) -> None:
    post.database.clock = MovableClock()
    reply(post, 1, TMOBILE, "2026-11-20T12:00:00+00:00")
    reply(post, 2, ATT, "2026-11-19T12:00:00+00:00")
    assert handset(post).operator_id == TMOBILE
    reply(post, 3, None, "2026-11-21T12:00:00+00:00")
    assert handset(post).operator_id == TMOBILE


def test_a_report_names_the_handset_of_the_number_it_was_sent_to(post: Postcard) -> None:
    campaign = create_campaign(post, ORDER, created_by="test")
    work_off(post)
    mt_id = messages_of(post, campaign.id)[TO].mt_id
    told = {"type": "REPORT", "mtId": mt_id, "status": "Retrieved", "userAgent": "HTC One"}
    report(post, json.dumps(told).encode())
    assert handset(post).user_agent == "HTC One"
    report(post, json.dumps({**told, "mtId": "77", "userAgent": "Other"}).encode())
    assert handset(post).user_agent == "HTC One"


def test_no_number_stands_in_the_table_and_another_key_gives_another_hash(post: Postcard) -> None:
    with post.change() as change:
        hashed = number_hash(post, TO)
        learn_handsets(change.connection, [Learnt(hashed, change.at, "HTC One", ATT)])
        rows = change.connection.execute(sa.select(handsets)).all()
    assert TO not in repr(rows)
    other = replace(post, settings=replace(post.settings, secret=replace(post.settings.secret, key="k" * 40)))
    assert number_hash(other, TO) != hashed
