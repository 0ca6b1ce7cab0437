"""The page of what handsets sent: words, pictures of our own making, and what a person decides."""

import re

from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.records.suppressions import add_suppressions, reasons_of
from tests.edge.conftest import Browser
from tests.edge.test_inbound import inbound, part
from tests.media.pictures import phone_photo

FROM = "12515550130"


def text(words: str) -> bytes:
    return part("text/plain; charset=utf-8", words.encode())


def reason(web: Postcard, number: str = FROM) -> str | None:
    with web.database.read() as connection:
        return reasons_of(connection, [number]).get(number)


def waiting(browser: Browser) -> list[str]:
    """Name the messages that wait for a person."""
    page = browser.client.get("/app/inbound").text
    return re.findall(r'action="/app/inbound/(mo_\w+)/keep"', page)


def test_an_empty_page_says_what_will_come(browser: Browser) -> None:
    assert "Nobody has answered yet" in browser.client.get("/app/inbound").text


def test_a_message_shows_its_words_and_its_picture_encoded_anew(web: Postcard, browser: Browser) -> None:
    inbound(web, text("<b>lovely</b>"), part("image/jpeg", phone_photo(640, 480)), part("application/pdf", b"%PDF-"))
    page = browser.client.get("/app/inbound").text
    assert "&lt;b&gt;lovely&lt;/b&gt;" in page
    assert "application/pdf: kept, and not shown" in page
    (url,) = re.findall(r'<img src="(/inbound/[^"]+)"', page)
    answer = browser.client.get(url)
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert waiting(browser) == []


def test_an_admin_sees_who_wrote_and_others_the_country_and_the_last_four_digits(
    web: Postcard, browser: Browser, clerk: Browser
) -> None:
    inbound(web, text("please leave me alone"))
    for_admin, for_others = (each.client.get("/app/inbound").text for each in (browser, clerk))
    assert f'<span class="mono">+{FROM}</span> <span class="hint">US</span>' in for_admin
    assert FROM not in for_others
    assert '<span class="mono">*******0130</span> <span class="hint">US</span>' in for_others


def test_what_sounds_like_a_stop_waits_until_somebody_says_that_it_was_none(web: Postcard, browser: Browser) -> None:
    inbound(web, text("please leave me alone"))
    assert reason(web) == "phrase"
    (message,) = waiting(browser)
    assert browser.post(f"/app/inbound/{message}/lift").status_code == 303
    assert reason(web) is None
    assert waiting(browser) == []


def test_what_sounds_like_a_stop_is_kept_for_good_and_start_does_not_undo_it(web: Postcard, browser: Browser) -> None:
    inbound(web, text("no more of these pictures"))
    (message,) = waiting(browser)
    assert browser.post(f"/app/inbound/{message}/keep").status_code == 303
    assert reason(web) == "person"
    assert waiting(browser) == []
    assert "Suppressed for good." in browser.client.get("/app/inbound").text


def test_a_stop_does_not_wait_and_is_not_lifted_here(web: Postcard, browser: Browser) -> None:
    inbound(web, text("STOP"))
    assert waiting(browser) == []
    page = browser.client.get("/app/inbound").text
    assert "Suppressed by its own STOP" in page
    (message,) = re.findall(r'id="(mo_\w+)"', page)
    browser.post(f"/app/inbound/{message}/lift")
    assert reason(web) == "keyword"


def test_keeping_suppresses_nobody_who_is_not_suppressed(web: Postcard, browser: Browser) -> None:
    inbound(web, text("thanks"))
    (message,) = re.findall(r'id="(mo_\w+)"', browser.client.get("/app/inbound").text)
    browser.post(f"/app/inbound/{message}/keep")
    assert reason(web) is None


def test_a_number_that_somebody_listed_is_not_lifted_by_its_message(web: Postcard, browser: Browser) -> None:
    inbound(web, text("please leave me alone"))
    with web.change() as change:
        add_suppressions(change.connection, [FROM], reason="person", note="by mail", created_by="test", at=change.at)
    (message,) = re.findall(r'id="(mo_\w+)"', browser.client.get("/app/inbound").text)
    browser.post(f"/app/inbound/{message}/lift")
    assert reason(web) == "person"


def test_other_decisions_and_messages_are_not_there_and_nobody_decides_unseen(
    web: Postcard, browser: Browser, nobody: FlaskClient
) -> None:
    inbound(web, text("please leave me alone"))
    (message,) = waiting(browser)
    assert browser.post(f"/app/inbound/{message}/forget").status_code == 404
    assert browser.post("/app/inbound/mo_none/keep").status_code == 404
    assert browser.client.post(f"/app/inbound/{message}/lift").status_code == 403
    assert nobody.post(f"/app/inbound/{message}/lift").status_code in {401, 403}
    assert reason(web) == "phrase"
