"""Taking a picture down, as an admin does it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.media.pictures import phone_photo
from tests.servers.postcard import RunningPostcard

pytestmark = pytest.mark.browser


def test_a_picture_is_taken_down_only_with_a_reason_and_a_second_yes(
    page: Page, postcard: RunningPostcard, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    wide = "desktop" in request.node.name
    photo = tmp_path / "wrong-price.jpg"
    photo.write_bytes(phone_photo(900 if wide else 800, 600))
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("#media-status")).to_contain_text("is ready", timeout=60_000)
    page.goto(f"{postcard.url}/app/library")
    page.get_by_role("link", name="Take down").first.click()
    expect(page.locator("h1")).to_have_text("Take down wrong-price.jpg?")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("Reason").fill("The price is wrong.")
    page.get_by_role("button", name="Take it down now").click()
    expect(page.locator("h1")).to_have_text("Take down wrong-price.jpg?")  # the box is not ticked: nothing was sent
    page.get_by_label("I know that this cannot be undone").check()
    page.get_by_role("button", name="Take it down now").click()
    expect(page.locator("h1")).to_have_text("Taken down")
    expect(page.locator("body")).to_contain_text("0 messages at risk")
    page.goto(f"{postcard.url}/app/send")
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("#media-status")).to_contain_text("The price is wrong.")
