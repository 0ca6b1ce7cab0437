import re
import secrets
import uuid
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.media.pictures import phone_photo, photograph, png_bomb, save
from tests.path import wait_until
from tests.servers.postcard import RunningPostcard, has_answer
from tests.servers.sandbox import RunningSandbox

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def fill(page: Page, photo: Path, *, numbers: str = "12515550130", text: str = "Hello from the sea") -> None:
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("#parts")).to_contain_text("holiday.jpg")
    page.get_by_label("Subject").fill("Summer")
    page.get_by_role("textbox", name="Text", exact=True).fill(text)
    page.get_by_label("Who gets it").fill(numbers)
    expect(page.locator("#send-hint")).not_to_contain_text("on its way")


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


def test_no_page_is_wider_than_the_screen_or_shuts_anybody_out_with_everything_opened(
    page: Page, photo: Path, postcard: RunningPostcard
) -> None:
    """By the rules of axe-core for WCAG 2.2 AA, and its good practice: light on the desktop, dark on the phone."""
    rules = Axe()

    def look(what: str) -> None:
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), what
        cut = "[...document.querySelectorAll('nav, .table-wrap')].filter(each => each.scrollWidth > each.clientWidth)"
        assert page.evaluate(f"{cut}.map(each => each.outerHTML.slice(0, 200))") == [], what
        found = rules.run(page, options={"runOnly": RULES})
        assert found.response["violations"] == [], (what, found.generate_report())

    if (page.viewport_size or {"width": 0})["width"] < 1000:
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    draft = postcard.send(parts=[{"text": "Hi"}], recipients=["12515550130"], start=False)
    fill(page, photo, numbers="12515550130, 447700900765")
    expect(page.locator("#facts .fact")).to_have_count(2)
    look("the message with its exact requests")
    expect(page.locator("#facts pre").first).to_be_visible()
    pages = ("library", "campaigns", f"campaigns/{draft['id']}", f"send?draft={draft['id']}", "inbound", "settings")
    for path in (*(f"/app/{each}" for each in pages), "/docs/errors", "/app/sign-in"):
        page.goto(f"{postcard.url}{path}")
        look(path)


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_a_message_is_made_and_sent_by_the_keyboard_alone_and_the_focus_is_always_seen(page: Page) -> None:
    typed = {"subject": "Hi", "text": "By keyboard", "numbers": "12515550130"}
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const here = document.activeElement;
                const seen = here.id === "file" ? here.closest(".drop") : here;
                const { outlineStyle, outlineWidth } = getComputedStyle(seen);
                return { id: here.id || here.textContent.trim(), outline: `${outlineStyle} ${outlineWidth}` };
            }"""
        )
        reached.append(at["id"])
        assert at["outline"] == "solid 3px", at
        if at["id"] in typed:
            page.keyboard.type(typed[at["id"]])
            expect(page.locator(f"#{at['id']}")).to_have_value(typed[at["id"]])
        if at["id"] == "numbers":
            expect(page.locator("#numbers-result")).to_contain_text("1 recipient")
        if at["id"] == "send":
            break
    assert reached[0] == "Skip to the content"
    wanted = ["file", "Fetch it from a web address", "subject", "text", "numbers", "Name, time and limit", "send"]
    assert [each for each in reached if each in wanted] == wanted
    page.keyboard.press("Enter")
    page.wait_for_url("**/app/campaigns/*")
    expect(page.locator(".progress-figure")).to_contain_text("1 of 1 retrieved")


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


def test_a_picture_waits_for_its_turn_when_too_many_come_at_once(
    page: Page, photo: Path, postcard: RunningPostcard
) -> None:
    answers: list[int] = []
    page.on(
        "response", lambda answer: answers.append(answer.status) if answer.url.endswith("/campaign-assets") else None
    )
    with postcard.half_uploads(10) as slow:  # of 16 threads half may take long
        wait_until(lambda: sum(map(has_answer, slow)) == 2)
        with page.expect_response(lambda answer: answer.status == 503):
            page.set_input_files("input[type=file]", photo)
        expect(page.locator("#parts")).not_to_contain_text("Too many files")
    expect(page.locator("#media-status")).to_contain_text("is ready", timeout=60_000)
    assert answers[0] == 503
    assert answers[-1] in {200, 201, 202}


def test_the_photograph_of_these_tests_is_a_phones(photo: Path) -> None:
    with Image.open(photo) as opened:
        assert opened.width * opened.height >= 12_000_000
        assert opened.getexif()[274] == 6
    assert photo.stat().st_size > 1_000_000


def test_a_draft_is_kept_changed_tried_and_started_later(page: Page, photo: Path, sandbox: RunningSandbox) -> None:
    # No two runs share a number: what the sandbox counts is this draft's.
    mine = f"1251555{secrets.randbelow(10_000):04d}"
    fill(page, photo, numbers="12515550130")
    page.get_by_label("Who gets it").fill(f"{mine}\n447700900765")
    page.get_by_text("Name, time and limit").click()
    page.get_by_label("Send at").fill("2026-01-01T00:00")
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.locator("#problem")).to_contain_text("next 365 days")
    page.get_by_label("Send at").fill("")
    page.get_by_role("button", name="Keep as a draft").click()
    page.wait_for_url("**/app/campaigns/*")
    draft = page.url
    expect(page.locator("#progress")).to_contain_text("2 recipients, nothing sent yet")

    page.get_by_role("link", name="Change it").click()
    expect(page.locator("#parts")).to_contain_text("holiday.jpg")
    expect(page.get_by_label("Subject")).to_have_value("Summer")
    expect(page.get_by_label("Who gets it")).to_have_value(re.compile(rf"{mine}"))
    expect(page.locator("#media-status")).to_contain_text("is ready")
    page.get_by_role("textbox", name="Text", exact=True).fill("Hello from the lake")
    page.get_by_label("Who gets it").fill(mine)
    page.get_by_role("button", name="Save the draft").click()
    page.wait_for_url(draft)
    expect(page.locator("#progress")).to_contain_text("1 recipient, nothing sent yet")
    expect(page.locator(".bubble")).to_contain_text("Hello from the lake")

    page.get_by_label("To a number of your own").fill("nobody")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#try-problem")).to_contain_text("nobody")
    page.get_by_label("To a number of your own").fill("12515550199")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("h1")).to_have_text("Test of Summer")
    expect(page.locator(".progress-figure")).to_contain_text("1 of 1 retrieved")
    assert sandbox.messages(mine) == []

    page.goto(draft)
    page.get_by_role("button", name="Start now").click()
    expect(page.locator(".progress-figure")).to_contain_text("1 of 1 retrieved")
    expect(page.locator("#campaign-head")).to_contain_text("finished")
    page.get_by_role("link", name="New one like it").click()
    expect(page.locator("#media-status")).to_contain_text("is ready")
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value("Hello from the lake")
    expect(page.get_by_label("Who gets it")).to_have_value("")


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
    page.goto("about:blank")  # what the page still asks for would bring a cookie back
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("button", name="Sign in").first.click()
    expect(page.locator("main")).to_contain_text("That did not sign you in")
    expect(page).not_to_have_url(re.compile("/app/send"))
    page.goto(f"{postcard.url}/app/library")
    expect(page).to_have_url(re.compile("/app/sign-in"))


def test_who_has_opted_out_is_told_before_anything_is_sent(
    page: Page, postcard: RunningPostcard, sandbox: RunningSandbox
) -> None:
    stopped, other = "12515550188", "12515550189"
    before = sandbox.counts()["accepted"].get(other, 0)
    postcard.call("POST", "/suppressions", json={"numbers": [stopped]})
    page.get_by_role("textbox", name="Text", exact=True).fill("Half price until Sunday")
    page.get_by_label("Who gets it").fill(stopped)
    expect(page.locator("#numbers-result")).to_contain_text("1 number has opted out and will get nothing.")
    expect(page.locator("#send-hint")).to_contain_text("Every number has opted out")
    page.get_by_label("Who gets it").fill(f"{stopped}, {other}")
    expect(page.locator("#facts")).to_contain_text("2 recipients, 1 of them opted out")
    expect(page.locator("#send")).to_have_text("Send")
    page.locator("#send").click()
    page.wait_for_url("**/app/campaigns/*")
    expect(page.locator("#progress")).to_contain_text(
        "1 of 2 handed over; 1 suppressed, since the number has opted out."
    )
    assert sandbox.counts()["accepted"].get(stopped) is None
    assert sandbox.counts()["accepted"][other] == before + 1
