"""A campaign with unknown messages says what is known about them."""

import json
import re
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.pipeline import settle_report
from app.records.tables import attempts, callbacks
from tests.edge.conftest import Browser
from tests.edge.test_campaigns import TEXT, finished
from tests.path import take
from tests.servers.sandbox import RunningSandbox


def told(post: Postcard, mt_id: str, status: str) -> None:
    body = json.dumps({"type": "REPORT", "mtId": mt_id, "status": status}).encode()
    take(post, body)
    settle_report(post)


def date_back(post: Postcard, column: sa.Column[Any], **by: float) -> None:
    """Let everything of a table have happened earlier."""
    with post.change() as change:
        change.connection.execute(sa.update(column.table).values({column: change.at - timedelta(**by)}))


def note_of(api: FlaskClient, campaign: dict[str, Any]) -> dict[str, Any]:
    note: dict[str, Any] = api.get(f"/campaigns/{campaign['id']}").get_json()["unknown_note"]
    return note


def campaign_with_an_unknown(api: FlaskClient, sandbox: RunningSandbox) -> dict[str, Any]:
    sandbox.add_fault("cut_after", times=1)
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    assert campaign["counts"]["unknown"] == 1
    return campaign


def test_reports_with_an_mtid_that_we_never_recorded_are_counted(
    web: Postcard, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    note = campaign["unknown_note"]
    assert note["sentence"] == "1 unknown; 0 reports with an mtId we never recorded came since."
    assert note["advice"].startswith("No report says that any of them was accepted")
    assert note["reported_at_most"] == 0
    told(web, "987654321", "Forwarded")
    told(web, "987654321", "Retrieved")
    note = note_of(api, campaign)
    assert (note["unknown"], note["unmatched_reports"], note["unmatched_mt_ids"]) == (1, 2, 1)
    assert note["sentence"] == "1 unknown; 2 reports with an mtId we never recorded came since."
    assert note["advice"].startswith("At most 1 of them is shown to be accepted by that, perhaps none")


def test_no_more_can_be_accepted_than_are_unknown(web: Postcard, api: FlaskClient, sandbox: RunningSandbox) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    for mt_id in ("1", "2", "3"):
        told(web, mt_id, "Retrieved")
    note = note_of(api, campaign)
    assert (note["unmatched_mt_ids"], note["reported_at_most"]) == (3, 1)


def test_reports_from_before_the_send_do_not_count(web: Postcard, api: FlaskClient, sandbox: RunningSandbox) -> None:
    told(web, "1", "Forwarded")
    date_back(web, callbacks.c.received_at, minutes=1)
    campaign = campaign_with_an_unknown(api, sandbox)
    assert campaign["unknown_note"]["unmatched_reports"] == 0
    # What was reported on before the send belongs to something older, also when its next report comes after it.
    told(web, "1", "Retrieved")
    assert note_of(api, campaign)["unmatched_reports"] == 0


def test_reports_that_come_when_nothing_is_waited_for_any_more_do_not_count(
    web: Postcard, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    date_back(web, attempts.c.started_at, hours=71)
    told(web, "1", "Retrieved")
    assert note_of(api, campaign)["unmatched_reports"] == 1
    date_back(web, attempts.c.started_at, hours=73)
    assert note_of(api, campaign)["unmatched_reports"] == 0


def test_unknown_messages_of_other_campaigns_may_be_meant_as_well(
    web: Postcard, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    campaign_with_an_unknown(api, sandbox)
    told(web, "1", "Retrieved")
    note = note_of(api, campaign)
    assert note["unknown_elsewhere"] == 1
    assert "it may belong to 1 unknown message of other campaigns, or to another application" in note["advice"]
    with web.change() as change:
        mine = sa.select(attempts.c.id).order_by(attempts.c.id).limit(1).scalar_subquery()
        earlier = change.at - timedelta(hours=73)
        change.connection.execute(sa.update(attempts).where(attempts.c.id != mine).values(started_at=earlier))
    assert note_of(api, campaign)["unknown_elsewhere"] == 0


def test_a_campaign_of_known_ends_has_no_note(api: FlaskClient) -> None:
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    assert campaign["unknown_note"] is None


def test_the_page_says_the_same(api: FlaskClient, browser: Browser, sandbox: RunningSandbox) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    page = browser.client.get(f"/app/campaigns/{campaign['id']}").text
    assert campaign["unknown_note"]["sentence"] in page


def test_a_message_says_in_words_what_happened_and_its_attempt_keeps_what_came_back(
    api: FlaskClient, browser: Browser, sandbox: RunningSandbox
) -> None:
    campaign = campaign_with_an_unknown(api, sandbox)
    (message,) = api.get(f"/campaigns/{campaign['id']}/messages").get_json()["items"]
    assert message["problem"].startswith("The connection was closed without an answer. It may have been sent")
    assert message["attempt_history"][0]["answer"].startswith("libcurl 52: ")
    page = browser.client.get(f"/app/messages/{message['id']}").text
    assert "<summary>What came back</summary>" in page
    assert "libcurl 52: " in page
    assert "curl" not in browser.client.get(f"/app/campaigns/{campaign['id']}").text


def test_an_accepted_message_shows_the_answer_as_it_came_and_its_times_for_support(
    api: FlaskClient, browser: Browser
) -> None:
    campaign = finished(api, api.post("/campaigns", json=TEXT).get_json()["id"])
    (message,) = api.get(f"/campaigns/{campaign['id']}/messages").get_json()["items"]
    assert message["attempt_history"][0]["answer"] == f'{{"mtId": {message["mt_id"]}}}'
    page = browser.client.get(f"/app/messages/{message['id']}").text
    times = re.findall(r"<dd class=\"mono\">(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC</dd>", page)
    assert len(times) == 2
    assert times == sorted(times)
    assert times[0].replace(" ", "T") == message["attempt_history"][0]["started_at"][:23]
