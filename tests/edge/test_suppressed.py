"""Who has opted out is told before sending, and counted as such after it."""

from collections.abc import Iterable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.records.suppressions import add_suppressions, reasons_of
from tests.edge.conftest import Browser
from tests.edge.test_campaigns import finished
from tests.servers.sandbox import RunningSandbox

US, OTHER_US, GB = "12515550130", "12515550131", "447700900765"
ORDER: dict[str, Any] = {"parts": [{"text": "Half price until Sunday"}], "recipients": [US, OTHER_US, GB]}


def suppress(web: Postcard, numbers: Iterable[str]) -> None:
    with web.change() as change:
        add_suppressions(change.connection, numbers, reason="person", note="", created_by="test", at=change.at)


@pytest.mark.parametrize(
    ("stopped", "advice"),
    [
        ([], []),
        ([US], ["1 number has opted out and will get nothing."]),
        ([US, GB], ["2 numbers have opted out and will get nothing."]),
    ],
)
def test_a_preview_and_a_check_say_how_many_have_opted_out(
    web: Postcard, api: FlaskClient, stopped: list[str], advice: list[str]
) -> None:
    suppress(web, [*stopped, "12515559999"])
    preview = api.post("/campaigns/preview", json=ORDER).get_json()
    assert (preview["suppressed"], preview["advice"]) == (len(stopped), advice)
    assert {each["profile"]: (each["recipients"], each["suppressed"]) for each in preview["previews"]} == {
        "universal": (1, int(GB in stopped)),
        "xlarge": (2, int(US in stopped)),
    }
    checked = api.post("/recipients/check", json={"recipients": ORDER["recipients"]}).get_json()
    assert (checked["recipients"], checked["suppressed"], checked["advice"]) == (3, len(stopped), advice)
    assert checked["suppressed_numbers"] == stopped


def test_a_preview_without_recipients_has_nobody_who_opted_out(web: Postcard, api: FlaskClient) -> None:
    suppress(web, [US])
    assert api.post("/campaigns/preview", json={"parts": ORDER["parts"]}).get_json()["suppressed"] == 0


def test_a_finished_campaign_says_who_got_nothing_and_nothing_was_sent_to_them(
    web: Postcard, api: FlaskClient, browser: Browser, sandbox: RunningSandbox
) -> None:
    suppress(web, [US])
    sandbox.add_fault("refuse", code=15201, destination=GB)
    campaign = finished(api, api.post("/campaigns", json=ORDER).get_json()["id"])
    assert {name: count for name, count in campaign["counts"].items() if count} == {
        "accepted": 1,
        "suppressed": 1,
        "refused": 1,
    }
    assert sandbox.counts()["accepted"] == {OTHER_US: 1}
    page = browser.client.get(f"/app/campaigns/{campaign['id']}").text
    assert (
        "1 of 3 handed over; 1 suppressed, since the number has opted out; 1 refused. Reports may still come." in page
    )
    assert "Every message was handed over" not in page


def test_a_finished_campaign_that_reached_everybody_says_so(api: FlaskClient, browser: Browser) -> None:
    campaign = finished(api, api.post("/campaigns", json=ORDER).get_json()["id"])
    page = browser.client.get(f"/app/campaigns/{campaign['id']}").text
    assert "Every message was handed over. Reports may still come." in page


def test_thousands_of_numbers_are_looked_up_in_their_order(web: Postcard) -> None:
    numbers = [f"1251555{number}" for number in range(1000, 5000)]
    suppress(web, reversed(numbers[::3]))
    with web.database.read() as connection:
        assert list(reasons_of(connection, numbers)) == numbers[::3]
