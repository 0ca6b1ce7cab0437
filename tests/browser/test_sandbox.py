"""The sandbox's own pages in a browser: reached from Postcard's, no wider than the screen, and answering as the handset."""

import pytest
from playwright.sync_api import Page, expect

from tests.path import wait_until
from tests.servers.postcard import RunningPostcard
from tests.servers.sandbox import RunningSandbox

pytestmark = pytest.mark.browser


def test_what_arrived_is_a_link_away_and_the_handset_answers_stop(
    page: Page, postcard: RunningPostcard, sandbox: RunningSandbox
) -> None:
    number = f"1251555{(page.viewport_size or {'width': 0})['width']:04}"
    postcard.send(parts=[{"text": "Half price until Sunday"}], recipients=[number])
    page.get_by_role("link", name="look what arrived").click()
    expect(page).to_have_url(f"{sandbox.url}/")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name=number).first.click()
    expect(page.get_by_label("On the phone")).to_contain_text("Half price until Sunday")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Posted “STOP”; the callback answered 200.")
    wait_until(lambda: number in postcard.call("GET", "/suppressions").text)
    page.goto(f"{postcard.url}/app/inbound")
    expect(page.locator(".inbound").first).to_contain_text(number)
    page.goto(f"{postcard.url}/app/settings")
    expect(page.locator("#suppressions")).to_contain_text(f"+{number}")
    expect(page.get_by_role("link", name="what arrived there")).to_have_attribute("href", f"{sandbox.url}/")


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_an_answer_that_nobody_takes_is_told(page: Page, postcard: RunningPostcard, sandbox: RunningSandbox) -> None:
    postcard.send(parts=[{"text": "Half price until Monday"}], recipients=["12515550177"])
    page.goto(sandbox.url)
    page.get_by_role("link", name="12515550177").first.click()
    sandbox.call("PATCH", "/options", {"callback_url": ""})
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Not posted: no callback URL is set; PATCH /sandbox/api/options.")
    sandbox.call("PATCH", "/options", {"callback_url": postcard.callback_url})
