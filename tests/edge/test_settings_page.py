"""What is wrong on the settings page stands beside what was typed, and one number among thousands is found."""

import html

from flask.testing import FlaskClient

from tests.edge.conftest import Browser


def test_wrong_numbers_are_told_beside_what_was_typed_and_nothing_is_kept(browser: Browser) -> None:
    typed = {"numbers": "+1 251 555 0150\nhello\n<b>", "note": "asked by phone"}
    answer = browser.post("/app/settings/suppressions", typed)
    page = html.unescape(answer.text)
    assert answer.status_code == 422
    assert "<h1>Settings</h1>" in page
    assert "<code>hello</code> holds something other than digits" in page
    assert "+1 251 555 0150\nhello" in page
    assert 'value="asked by phone"' in page
    assert "<b>" not in answer.text.replace("<b>Database</b>", "").split('id="suppressions"')[1]
    assert "+12515550150" not in browser.client.get("/app/settings").text


def test_too_many_numbers_are_refused_and_not_cut_off_in_silence(browser: Browser) -> None:
    answer = browser.post(
        "/app/settings/suppressions", {"numbers": "\n".join(f"1251555{each:05}" for each in range(10_001))}
    )
    assert answer.status_code == 422
    assert "10,001 numbers are too many at once; 10,000 are possible." in answer.text


def test_a_name_that_is_taken_is_told_beside_it(browser: Browser) -> None:
    browser.post("/app/settings/tokens", {"name": "web shop"})
    again = browser.post("/app/settings/tokens", {"name": "web shop"})
    assert again.status_code >= 400
    assert "already" in again.text
    assert 'autocomplete="off" value="web shop"' in again.text


def test_one_number_among_many_is_found_and_allowed_again(browser: Browser, api: FlaskClient) -> None:
    api.post("/suppressions", json={"numbers": [f"1251555{each:04}" for each in range(200, 300)] + ["447700900765"]})
    page = browser.client.get("/app/settings").text
    assert "101 numbers in all; the first 20 are shown." in page
    assert "+447700900765" not in page
    found = browser.client.get("/app/settings?number=%2B44 7700").text
    assert "+447700900765" in found
    assert "+12515550200" not in found
    assert "none begins" in browser.client.get("/app/settings?number=353").text
    assert "the first 20 are shown" in browser.client.get("/app/settings?number=nothing").text
    assert browser.post("/app/settings/suppressions/447700900765/remove").status_code == 303
    assert "none begins" in browser.client.get("/app/settings?number=44").text
