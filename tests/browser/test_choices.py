"""A person chooses what to send of a clip that does not fit, follows an encode and stops it, and wipes over a picture."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.media.clips import repeated
from tests.media.pictures import phone_photo
from tests.servers.postcard import RunningPostcard
from tests.servers.sandbox import RunningSandbox

pytestmark = pytest.mark.browser


def choose_file(page: Page, folder: Path, name: str, content: bytes) -> Locator:
    path = folder / name
    path.write_bytes(content)
    page.set_input_files("input[type=file]", path)
    return page.locator("#parts .part").filter(has_text=name)


def is_loaded(image: Locator) -> None:
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("each => each.naturalWidth") > 0


def test_what_would_fit_is_offered_as_buttons_and_goes_out(
    page: Page, tmp_path: Path, sandbox: RunningSandbox, postcard: RunningPostcard
) -> None:
    part = choose_file(page, tmp_path, "too long.mp4", repeated(200))
    expect(part).to_contain_text("does not fit the limit")
    is_loaded(part.locator("img"))
    expect(page.locator("#send-hint")).to_contain_text("Choose what to send instead")
    good = part.get_by_role(
        "button", name=re.compile(r"^Send the first [\d.]+ s: looks good \(160 . 90, 9\.\d+ fps, [\d.]+ kb.s\)$")
    )
    expect(good).to_have_count(1)
    part.get_by_role(
        "button",
        name=re.compile(r"^Send the first [\d.]+ s: the longest that fits \(\d+ . \d+, [\d.]+ fps, [\d.]+ kb.s\)$"),
    ).click()
    expect(part).to_contain_text(re.compile(r"→ .* KB, first \d+"))
    expect(part.get_by_role("button", name=re.compile("^Send the first"))).to_have_count(0)
    is_loaded(part.locator("img"))
    expect(page.locator("#phone video")).to_have_count(1)
    page.get_by_label("Who gets it").fill("12515550130")
    expect(page.locator("#facts")).to_contain_text("cut to")
    page.locator("#send").click()
    page.wait_for_url("**/app/campaigns/*")
    expect(page.locator(".progress-figure")).to_contain_text("1 of 1 retrieved")
    assert sandbox.messages("12515550130")[-1]["status"] == 202

    # From the library it is offered again, as another form this time.
    page.goto(f"{postcard.url}/app/library")
    card = page.locator(".asset").filter(has_text="too long.mp4").first
    expect(card).to_contain_text(re.compile(r"first \d+"))
    card.get_by_role("link", name="Use it").click()
    offered = page.locator("#parts .part").filter(has_text="too long.mp4")
    offered.get_by_role("button", name="Send a still").click()
    expect(offered).to_contain_text("as a still")
    is_loaded(page.locator("#phone img"))


def test_all_of_a_clip_goes_out_within_a_larger_limit_and_one_message_says_why_it_has_two_sizes(
    page: Page, tmp_path: Path, postcard: RunningPostcard
) -> None:
    part = choose_file(page, tmp_path, "longer.mp4", repeated(120))
    larger = part.get_by_role("button", name="Send all of it within large, 490 KB")
    expect(part.locator(".larger")).to_contain_text("US: AT&T")
    page.get_by_label("Who gets it").fill("12515550130\n447700900765")
    larger.click()
    expect(page.get_by_label("Limit")).to_have_value("large")
    expect(part).to_contain_text(re.compile(r"→ \d{3}(\.\d)? KB"))
    facts = page.locator("#facts")
    expect(facts).to_contain_text("This limit was chosen for everybody.")
    expect(facts).to_contain_text("The operator of one recipient takes less than large")
    expect(page.locator("#phone video")).to_have_count(1)

    # Who chose that limit before is not asked: all of it is made for that at once.
    page.goto(f"{postcard.url}/app/send")
    page.get_by_text("Name, time and limit").click()
    page.get_by_label("Limit").select_option("xlarge")
    other = choose_file(page, tmp_path, "other.mp4", repeated(122))
    expect(other).to_contain_text("→")
    expect(other.get_by_role("button", name=re.compile("^Send"))).to_have_count(0)

    page.goto(f"{postcard.url}/app/send")
    picture = choose_file(page, tmp_path, "two sizes.jpg", phone_photo(1600, 1200))
    page.get_by_label("Who gets it").fill("12515550130\n447700900765")
    expect(page.locator("#several-sizes")).to_contain_text("goes out in 2 sizes")
    expect(facts).to_contain_text("operators of these numbers (US) take from a short code")
    expect(picture).to_contain_text(re.compile(r"→ [\d.]+ KB or [\d.]+ KB"))


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_a_long_encode_shows_how_far_it_is_and_can_be_stopped(page: Page, tmp_path: Path) -> None:
    part = choose_file(page, tmp_path, "slow.mp4", repeated(40, size="1920x1080", rate=60, crf=42))
    expect(part).to_contain_text(re.compile(r"being fitted: [1-9]\d? %"), timeout=60_000)
    assert 0 < float(part.locator("progress").evaluate("each => each.value")) < 1
    part.get_by_role("button", name="Stop").click()
    expect(part).to_contain_text("Fitting was cancelled. You stopped it.")
    expect(page.locator("#media-status")).to_contain_text("You stopped it.")
    part.get_by_role("button", name="Fit it after all").click()
    expect(part).to_contain_text("→", timeout=90_000)
    expect(part.locator("progress")).to_have_count(0)
    expect(page.locator("#media-status")).to_contain_text("slow.mp4 is ready")


def test_a_piece_of_ones_own_is_made(page: Page, tmp_path: Path) -> None:
    part = choose_file(page, tmp_path, "piece.mp4", repeated(20))
    expect(part).to_contain_text("→")
    part.get_by_text("Send it differently").click()
    part.get_by_label("Form of piece.mp4").select_option("3gp")
    part.get_by_label("Begin of piece.mp4").fill("2")
    part.get_by_label("Length of piece.mp4").fill("5")
    part.get_by_role("button", name="Apply").click()
    expect(part).to_contain_text("5 s from 2 s on, as 3GP")
    expect(page.locator("#facts")).to_contain_text("3GPP")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_picture_is_compared_with_its_original_by_a_wipe(page: Page, photo: Path, postcard: RunningPostcard) -> None:
    page.set_input_files("input[type=file]", photo)
    for place in ("/app/send", "/app/library"):
        if place == "/app/library":
            page.goto(f"{postcard.url}{place}")
        scope = page.locator("#facts") if place == "/app/send" else page.locator(".asset").filter(has_text=photo.name)
        scope.get_by_text("Compare with the original").first.click()
        frame = scope.locator(".compare-frame").first
        for image in frame.locator("img").all():
            expect(image).to_be_visible()
            image.evaluate("each => each.decode()")
            is_loaded(image)
        assert frame.evaluate("each => each.style.getPropertyValue('--at')") == "50%"
        frame.locator("input[type=range]").focus()
        page.keyboard.press("End")
        assert frame.evaluate("each => each.style.getPropertyValue('--at')") == "100%"
        expect(scope.locator(".figures").first).to_contain_text("SSIM")
        expect(scope.locator(".figures").first).to_contain_text("3024 \u00d7 4032 → 1440 \u00d7 1920")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
