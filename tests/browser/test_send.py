import re
import secrets
import uuid
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.media.pictures import phone_photo, photograph, png_bomb, save
from tests.servers.postcard import RunningPostcard
from tests.servers.sandbox import RunningSandbox

pytestmark = pytest.mark.browser


def fill(page: Page, photo: Path, *, numbers: str = "12515550130", text: str = "Hello from the sea") -> None:
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("#parts")).to_contain_text("holiday.jpg")
    page.get_by_label("Subject").fill("Summer")
    page.get_by_role("textbox", name="Text", exact=True).fill(text)
    page.get_by_label("Who gets it").fill(numbers)


def test_a_photo_goes_out_and_the_page_shows_it_retrieved_without_a_reload(
    page: Page, photo: Path, sandbox: RunningSandbox
) -> None:
    fill(page, photo, numbers="12515550130, +44 7700 900765")
    expect(page.locator("#facts")).to_contain_text("1440 \u00d7 1920")
    page.locator("#send").click()
    page.wait_for_url("**/app/campaigns/*")
    reloads: list[str] = []
    page.on("framenavigated", lambda frame: reloads.append(frame.url))
    expect(page.get_by_text("retrieved", exact=False).first).to_be_visible()
    expect(page.locator("body")).to_contain_text(re.compile("finished", re.IGNORECASE))
    assert reloads == []
    assert sandbox.messages("12515550130")[-1]["status"] == 202


def test_nothing_is_wider_than_the_screen(page: Page, postcard: RunningPostcard) -> None:
    for path in ("/app/send", "/app/library", "/app/campaigns", "/app/settings", "/docs/errors"):
        page.goto(f"{postcard.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_every_bad_number_is_named_and_nothing_is_sent(page: Page, photo: Path, sandbox: RunningSandbox) -> None:
    before = sandbox.counts()["accepted"]
    fill(page, photo, numbers="12515550130\nabc\n12\n16135550123")
    page.locator("#send").click()
    for bad in ("abc", "12", "16135550123"):
        expect(page.locator("#compose")).to_contain_text(bad)
    expect(page).to_have_url(re.compile(r"/app/send$"))
    assert sandbox.counts()["accepted"] == before


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jpg", b"", "empty"),
        ("words.jpg", b"just some words, not a picture", "cannot be sent"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        ("page.html", b"<!doctype html><html><body>hi</body></html>", "cannot be sent"),
        ("pack.zip", b"PK\x03\x04" + bytes(200), "cannot be sent"),
        ("cut.jpg", phone_photo(1600, 1200)[:60_000], "The file is damaged"),
        ("bomb.png", png_bomb(), "too big to open"),
        ("film.jpg", b"\xff\xd8\xff\xe0" + bytes(60_000_000), "too large"),
    ],
    ids=["empty", "words", "svg", "html", "zip", "truncated", "png bomb", "60 MB"],
)
def test_a_file_that_cannot_be_sent_is_refused_in_words(
    page: Page, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    bad = tmp_path / name
    bad.write_bytes(content)
    page.set_input_files("input[type=file]", bad)
    expect(page.locator("#parts .part.bad")).to_contain_text(words)
    expect(page.locator("#send")).to_be_disabled()


def test_the_photograph_of_these_tests_is_a_phones(photo: Path) -> None:
    with Image.open(photo) as opened:
        assert opened.width * opened.height >= 12_000_000
        assert opened.getexif()[274] == 6
    assert photo.stat().st_size > 1_000_000


def test_a_draft_is_kept_and_started_later(page: Page, photo: Path) -> None:
    fill(page, photo)
    page.get_by_role("button", name="Keep as a draft").click()
    page.wait_for_url("**/app/campaigns/*")
    expect(page.locator("body")).to_contain_text(re.compile("draft", re.IGNORECASE))
    page.get_by_role("button", name="Start", exact=False).first.click()
    expect(page.locator("body")).to_contain_text(re.compile("retrieved", re.IGNORECASE))


def test_the_library_shows_the_asset_until_when_it_stays_and_why(
    page: Page, tmp_path: Path, postcard: RunningPostcard
) -> None:
    mine = tmp_path / f"{uuid.uuid4().hex}.jpg"
    mine.write_bytes(save(photograph(300, 200, seed=secrets.randbelow(2**31)), "JPEG"))
    asset = postcard.upload(mine.read_bytes(), mine.name)
    page.goto(f"{postcard.url}/app/library")
    card = page.locator(f"#{asset['id']}")
    expect(card).to_contain_text(mine.name)
    expect(card).to_contain_text("not held: no message named it")
    expect(card.locator("dl.lease")).to_contain_text(re.compile(r"Available until.*20\d\d"))
    expect(card.get_by_text("Delete…", exact=True)).to_be_visible()

    sent = postcard.send(parts=[{"asset_id": asset["id"]}], recipients=["12515550130"])
    postcard.wait_for(sent["id"], "finished")
    page.reload()
    expect(card.locator("dl.lease")).to_contain_text(re.compile(r"Held until.*20\d\d.*Available until", re.DOTALL))
    expect(card).to_contain_text(re.compile("message", re.IGNORECASE))
    expect(card.get_by_text("Delete…", exact=True)).to_have_count(0)


def test_a_used_link_and_a_stranger_get_no_page(page: Page, postcard: RunningPostcard) -> None:
    link = postcard.command("sign-in").stdout.strip()
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/app/send")
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("button", name="Sign in").first.click()
    expect(page.locator("main")).to_contain_text("That did not sign you in")
    expect(page).not_to_have_url(re.compile("/app/send"))
    page.goto(f"{postcard.url}/app/library")
    expect(page).to_have_url(re.compile("/app/sign-in"))
