"""What a person reads on the pages when something outside is away, refuses, fails or is slow."""

import html
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge import create_app
from app.host.s3 import S3Store
from app.records.tables import senders
from app.settings import S3, OpenMarket
from app.wiring import make_gateway
from tests.edge.conftest import PASSWORD, Browser, Working, csrf_of
from tests.edge.test_assets import SMALL, send
from tests.edge.test_campaigns import TEXT
from tests.path import wait_until, work_off
from tests.servers.sandbox import RunningSandbox, free_port


def page_of(browser: Browser, campaign_id: str) -> str:
    return html.unescape(browser.client.get(f"/app/campaigns/{campaign_id}").text)


def sent_until(api: FlaskClient, states: set[str], *, count: int = 1) -> str:
    """Send messages and wait until its campaign stands in one of the states."""
    numbers = [f"1251555{number:04}" for number in range(100, 100 + count)]
    campaign_id: str = api.post("/campaigns", json={**TEXT, "recipients": numbers}).get_json()["id"]
    deadline = time.monotonic() + 60
    while True:
        campaign: dict[str, Any] = api.get(f"/campaigns/{campaign_id}").get_json()
        if campaign["state"] in states:
            return campaign_id
        assert time.monotonic() < deadline, campaign
        time.sleep(0.1)


def browser_on(post: Postcard, user: str) -> Browser:
    """Sign in at an application of its own."""
    client = create_app(post).test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    csrf = csrf_of(client.get("/app/sign-in").text)
    client.post("/app/sign-in", data={"csrf_token": csrf, "name": user, "password": PASSWORD})
    return Browser(client, csrf_of(client.get("/app/send").text))


@pytest.fixture
def reached(web: Postcard, queue: Working) -> Callable[..., None]:
    """Let the worker reach a gateway with other settings."""

    def change(**changes: Any) -> None:
        openmarket: OpenMarket = replace(web.settings.openmarket, **changes)
        settings = replace(web.settings, openmarket=openmarket)
        queue.post = replace(web, settings=settings, gateway=make_gateway(settings))

    return change


def test_while_the_gateway_is_away_the_page_says_that_the_message_waits(
    browser: Browser, api: FlaskClient, reached: Callable[..., None], queue: Working
) -> None:
    queue.held = True
    reached(endpoints=(f"http://127.0.0.1:{free_port()}/mms/v2/send",), connect_seconds=0.5)
    assert queue.post is not None
    campaign_id = api.post("/campaigns", json=TEXT).get_json()["id"]
    work_off(queue.post)
    page = page_of(browser, campaign_id)
    assert "waiting" in page
    assert "accepted 1" not in page
    assert "unknown" not in page.split("Messages")[-1]


def test_credentials_that_are_refused_pause_it_and_the_page_says_so(
    browser: Browser, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("refuse", code=15206, times=0)
    page = page_of(browser, sent_until(api, {"paused", "finished"}, count=2))
    assert "paused" in page
    assert "Authentication error" in page or "credentials" in page.lower()
    assert "Resume" in page


def test_a_403_that_explains_nothing_is_called_unknown_and_shown(
    browser: Browser, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("status", status=403, times=0)
    page = page_of(browser, sent_until(api, {"paused", "finished"}))
    assert "The answer 403 holds no error code" in page


def test_an_error_after_which_nobody_knows_is_called_unknown_and_explained(
    browser: Browser, api: FlaskClient, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("error_after", times=0)
    page = page_of(browser, sent_until(api, {"paused", "finished"}))
    assert "15000: An internal error has occurred" in page
    assert "Send 1 unknown again" in page
    assert "Some people may get the message twice" in page


def test_an_answer_that_does_not_come_is_called_unknown(
    browser: Browser, api: FlaskClient, sandbox: RunningSandbox, reached: Callable[..., None]
) -> None:
    reached(answer_seconds=0.5)
    sandbox.add_fault("slow", seconds=20, times=1)
    campaign_id = api.post("/campaigns", json=TEXT).get_json()["id"]
    wait_until(lambda: "Send 1 unknown again" in page_of(browser, campaign_id))


def test_a_store_that_is_away_is_told_on_the_settings_page_and_the_library_still_opens(
    web: Postcard, user: str, api: FlaskClient, s3_section: S3
) -> None:
    send(api, SMALL, "sea.jpg")
    section = replace(s3_section, endpoint_url="http://127.0.0.1:9", attempts=1)
    away = S3Store(section, public_base_url="http://127.0.0.1:9", access_key="key", secret_key="secret")
    browser = browser_on(replace(web, store=away), user)
    assert "sea.jpg" in browser.client.get("/app/library").text
    page = html.unescape(browser.client.get("/app/settings").text)
    assert "The store takes no connection at POSTCARD_S3_ENDPOINT_URL" in page
    assert browser.client.get("/app/send").status_code == 200


def test_a_store_that_refuses_our_key_is_told_on_the_settings_page(web: Postcard, user: str, s3_section: S3) -> None:
    wrong = S3Store(s3_section, public_base_url=web.settings.public.base_url, access_key="x", secret_key="y")
    browser = browser_on(replace(web, store=wrong), user)
    page = html.unescape(browser.client.get("/app/settings").text)
    assert "The store does not accept our credentials" in page


def test_a_locked_database_is_told_in_words_and_changes_nothing(web: Postcard, browser: Browser) -> None:
    with web.database.write() as connection:
        connection.execute(sa.update(senders).values(tps=0))
        answer = browser.post("/app/settings/suppressions", {"numbers": "12515550130", "note": ""})
        looking = browser.client.get("/app/campaigns")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    assert answer.headers["Retry-After"]
    assert looking.status_code == 200  # reading goes on meanwhile
    assert "12515550130" not in browser.client.get("/app/settings").text
