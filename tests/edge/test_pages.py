import re

from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.edge.conftest import Browser
from tests.edge.test_assets import SMALL, send
from tests.edge.test_campaigns import TEXT, draft, finished
from tests.edge.test_takedowns import take_down


def test_the_first_page_is_where_a_message_is_made(browser: Browser) -> None:
    assert browser.client.get("/").headers["Location"] == "/app/send"
    page = browser.client.get("/app/send").text
    assert "Drop a picture" in page
    assert "Sandbox" in page


def test_after_an_upgrade_no_browser_mixes_scripts_of_two_versions(browser: Browser) -> None:
    with browser.client.get("/static/send.js") as script:
        assert script.headers["Cache-Control"] == "no-cache"
    with browser.client.get("/static/send.js", headers={"If-None-Match": script.headers["ETag"]}) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_empty_pages_say_what_belongs_there(browser: Browser) -> None:
    assert "No pictures yet" in browser.client.get("/app/library").text
    assert "Nothing sent yet" in browser.client.get("/app/campaigns").text


def test_every_field_of_a_page_has_a_label(browser: Browser) -> None:
    for path in ("/app/send", "/app/settings"):
        page = browser.client.get(path).text
        for tag in re.findall(r"<(?:input|textarea|select)\b[^>]*>", page):
            if 'type="hidden"' in tag:
                continue
            found = re.search(r'\bid="([^"]+)"', tag)
            assert found is not None, tag
            assert f'for="{found.group(1)}"' in page or "aria-label" in tag, tag


def test_the_library_says_until_when_and_why(browser: Browser, api: FlaskClient) -> None:
    asset = send(api, SMALL, "<b>bold</b>.jpg").get_json()
    page = browser.client.get("/app/library").text
    assert asset["renditions"][0]["url"] in page
    assert "&lt;b&gt;bold" not in page  # the name ends at its last slash
    assert "<b>bold" not in page
    assert "not held: no message named it" in page
    assert "The bucket removes files" in page or "No rule of the bucket" in page
    assert browser.post(f"/app/library/{asset['id']}/delete").status_code == 303
    assert "No pictures yet" in browser.client.get("/app/library").text


def test_the_campaign_page_follows_until_nothing_moves(browser: Browser, api: FlaskClient) -> None:
    campaign_id = draft(api)
    page = browser.client.get(f"/app/campaigns/{campaign_id}").text
    assert "Half price until Sunday" in page
    assert "hx-get" not in page.split("<tbody>")[0].split('id="progress"')[1].split(">")[0]
    assert browser.post(f"/app/campaigns/{campaign_id}/start").status_code == 303
    finished(api, campaign_id)
    moving = browser.client.get(f"/app/campaigns/{campaign_id}").text
    query = re.search(r'hx-get="([^"]+)" hx-trigger="every 1s"', moving)
    assert query is not None
    address = query.group(1).replace("&amp;", "&")
    assert browser.client.get(address).status_code == 204
    changed = browser.client.get(address.replace("showing=finished", "showing=running").replace("seen=", "seen=0"))
    assert changed.status_code == 200
    assert 'hx-swap-oob="true"' in changed.text


def test_an_action_that_is_not_possible_is_said_on_a_page(browser: Browser, api: FlaskClient) -> None:
    campaign_id = draft(api)
    page = browser.post(f"/app/campaigns/{campaign_id}/pause")
    assert page.status_code == 409
    assert "Not possible in this state" in page.text
    assert browser.post(f"/app/campaigns/{campaign_id}/explode").status_code == 404
    assert browser.post(f"/app/campaigns/{campaign_id}/cancel").status_code == 303
    assert "cancelled" in browser.client.get("/app/campaigns").text


def test_what_the_api_would_refuse_since_its_media_is_gone_is_not_offered(browser: Browser, api: FlaskClient) -> None:
    asset = send(api, SMALL).get_json()
    parts = [{"asset_id": asset["id"]}, {"text": "Look"}]
    # 15559015201 is refused by the sandbox, so that there is something to send again.
    sent = api.post("/campaigns", json={"parts": parts, "recipients": ["15559015201", "12515550130"]}).get_json()["id"]
    kept = api.post("/campaigns", json={"parts": parts, "recipients": ["12515550130"], "start": False}).get_json()["id"]
    assert finished(api, sent)["counts"]["refused"] == 1
    assert "do-resend-failed" in browser.client.get(f"/app/campaigns/{sent}").text
    assert "do-start" in browser.client.get(f"/app/campaigns/{kept}").text

    take_down(api, asset["id"])
    told = browser.client.get(f"/app/campaigns/{sent}").text
    assert "do-resend-failed" not in told
    assert "nothing of it can be sent again" in told
    assert f"/app/send?like={sent}" in told
    assert api.post(f"/campaigns/{sent}/resend-failed").status_code == 409
    told = browser.client.get(f"/app/campaigns/{kept}").text
    assert "do-start" not in told
    assert "do-resume" not in told
    assert "Media of this message was deleted or taken down, so nothing of it can be sent." in told
    assert 'id="try"' not in told


def test_a_draft_and_another_message_like_it_begin_with_what_it_has(browser: Browser, api: FlaskClient) -> None:
    order = {**TEXT, "parts": [{"text": "Half </textarea> price"}], "subject": 'The "best"', "profile": "urgent"}
    campaign_id = api.post("/campaigns", json={**order, "start": False}).get_json()["id"]
    page = browser.client.get(f"/app/send?draft={campaign_id}").text
    assert f'data-draft="{campaign_id}"' in page
    assert "Half &lt;/textarea&gt; price</textarea>" in page
    assert "12515550130</textarea>" in page
    assert 'value="The &#34;best&#34;"' in page
    assert re.search(r'value="urgent"[^>]* selected', page)
    like = browser.client.get(f"/app/send?like={campaign_id}").text
    assert "Half &lt;/textarea&gt; price</textarea>" in like
    assert "12515550130</textarea>" not in like
    assert 'data-draft=""' in like
    browser.post(f"/app/campaigns/{campaign_id}/cancel")
    assert browser.client.get(f"/app/send?draft={campaign_id}").headers["Location"] == f"/app/campaigns/{campaign_id}"
    several = api.post("/campaigns", json={**TEXT, "parts": [{"text": "a"}, {"text": "b"}], "start": False}).get_json()[
        "id"
    ]
    refused = browser.client.get(f"/app/send?draft={several}")
    assert (refused.status_code, "change it by the API" in refused.text) == (409, True)
    assert browser.client.get("/app/send?draft=cmp_none").status_code == 404


def test_a_message_is_shown_as_a_page_and_as_a_piece(browser: Browser, api: FlaskClient) -> None:
    campaign_id = api.post("/campaigns", json=TEXT).get_json()["id"]
    finished(api, campaign_id)
    message_id = api.get(f"/campaigns/{campaign_id}/messages").get_json()["items"][0]["id"]
    assert "<html" in browser.client.get(f"/app/messages/{message_id}").text
    piece = browser.client.get(f"/app/messages/{message_id}", headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert "HTTP 202" in piece


def test_what_somebody_typed_is_shown_as_text(browser: Browser, api: FlaskClient) -> None:
    evil = "<script>alert(1)</script>"
    order = {**TEXT, "parts": [{"text": evil}], "subject": evil, "name": evil, "start": False}
    campaign_id = api.post("/campaigns", json=order).get_json()["id"]
    for path in ("/app/campaigns", f"/app/campaigns/{campaign_id}"):
        assert "<script>alert" not in browser.client.get(path).text


def test_a_missing_page_is_an_error_page_with_the_words_of_the_api(browser: Browser, app: APIFlask) -> None:
    page = browser.client.get("/app/campaigns/none", headers={"Sec-Fetch-Mode": "navigate"})
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert app.config["SESSION_COOKIE_NAME"] == "postcard_session_8000"
