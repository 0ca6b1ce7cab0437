"""The field of numbers as people fill it: pasted from anywhere, written as at home, odd in bulk; and what is not known yet."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser


def write(page: Page, numbers: str) -> None:
    page.get_by_role("textbox", name="Text", exact=True).fill("Half price until Sunday")
    page.get_by_label("Who gets it").fill(numbers)


@pytest.mark.parametrize(
    "pasted",
    [
        "+12515550130\t+44 7700 900765",
        "+1 251 555 0130 +44 7700 900765",
        "12515550130;447700900765\r\n",
        "+12515550130,\n",
    ],
    ids=["spreadsheet row", "one after another", "semicolons", "one and a comma"],
)
def test_numbers_are_read_as_they_were_pasted(page: Page, pasted: str) -> None:
    write(page, pasted)
    expect(page.locator("#numbers-result .ok")).to_contain_text(
        f"{1 + ('447' in pasted.replace(' ', '').replace('+', ''))} recipient"
    )


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_bad_numbers_are_told_beside_the_button_and_how_they_must_be_written(page: Page) -> None:
    write(page, "07700 900766\n12515550130\n0851234567")
    result = page.locator("#numbers-result")
    expect(result).to_contain_text("write 447700900766")
    expect(result).to_contain_text("write 353851234567")
    expect(page.locator("#send-hint")).to_have_text("Mend the 2 numbers that cannot be sent to.")
    expect(page.locator("#send")).to_be_disabled()
    page.get_by_label("Who gets it").fill("+44 7700 900766\n12515550130\n+353851234567")
    expect(page.locator("#send")).to_have_text("Send to 3")
    expect(page.locator("#send")).to_be_enabled()


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_what_is_odd_about_many_numbers_is_said_once_and_none_is_left_out_in_silence(page: Page) -> None:
    write(page, "\n".join(f"15559500{each:03}" for each in range(30)))
    warned = page.locator("#numbers-result .warn li")
    expect(warned).to_have_count(1)
    expect(warned).to_contain_text(re.compile(r"^30 numbers, each of which is possible.* and 10 more$"))
    write(page, "\n".join(f"0{each:05}" for each in range(130)))
    expect(page.locator("#numbers-result .bad li")).to_have_count(101)
    expect(page.locator("#numbers-result .bad li").last).to_have_text("and 30 more")


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_what_goes_out_is_shown_as_old_until_it_is_known_anew(page: Page) -> None:
    facts = page.locator("#facts")
    write(page, "12515550130")
    expect(facts).to_contain_text("1 recipient")
    expect(facts).to_have_attribute("aria-busy", "false")
    held: list[Route] = []
    page.route("**/campaigns/preview", lambda route: held.append(route))
    with page.expect_request("**/campaigns/preview"):
        page.get_by_role("textbox", name="Text", exact=True).fill("Half price until Monday")
    expect(facts).to_have_attribute("aria-busy", "true")
    for route in held:
        route.continue_()
    expect(facts).to_have_attribute("aria-busy", "false")
    page.get_by_role("textbox", name="Text", exact=True).fill("")
    expect(facts).to_contain_text("Add a picture or a text")


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_a_file_that_is_too_large_or_shows_nothing_is_told_by_its_ending(page: Page, tmp_path: Path) -> None:
    (tmp_path / "film.MOV").write_bytes(bytes(50_000_001))
    (tmp_path / "flyer.pdf").write_bytes(b"%PDF-1.7\n")
    page.set_input_files("input[type=file]", [tmp_path / "film.MOV", tmp_path / "flyer.pdf"])
    expect(page.locator("#parts .part-thumb")).to_have_text(["mov", "pdf", "Aa"])
    expect(page.locator("#parts .part-note.bad").first).to_contain_text("Export it smaller, a clip shorter")


@pytest.mark.parametrize("context", ["desktop"], indirect=True)
def test_a_contact_is_called_what_it_is_and_compared_with_nothing(page: Page, tmp_path: Path) -> None:
    card = tmp_path / "jane.vcf"
    card.write_text("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane\r\nFN:Jane Doe\r\nEND:VCARD\r\n")
    page.set_input_files("input[type=file]", card)
    expect(page.locator("#facts")).to_contain_text("vCard, ")
    expect(page.locator("#facts")).to_contain_text("Nothing was given up.")
    expect(page.locator("#facts")).not_to_contain_text("Compare")
    page.locator("#facts").get_by_text("What became of it").click()
    expect(page.locator("#facts .figures")).to_contain_text("byte for byte what came")
    expect(page.locator("#parts .part-note").first).not_to_contain_text("→")
