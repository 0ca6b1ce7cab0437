"""The pages: what arrived, as a person sees it."""

import pytest
import requests

from app.sandbox.page import show_bytes
from tests.sandbox.pictures import MediaHost, Page
from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import PIXEL, TEXT, body_of, image_part, json_part, link_part
from tests.servers.callback import Callback, wait_until
from tests.servers.sandbox import RunningSandbox


def _page(sandbox: RunningSandbox, path: str) -> requests.Response:
    return requests.get(sandbox.url + path, timeout=10)


def test_an_empty_sandbox_says_where_to_send(quick: RunningSandbox) -> None:
    assert f"{quick.url}/mms/v2/send" in _page(quick, "/").text


def test_a_message_shows_rules_bytes_picture_and_reports(
    quick: RunningSandbox, callback: Callback, media: MediaHost
) -> None:
    media.pages["/a.png"] = Page()
    body = body_of(json_part(subject="Hello you"), link_part(f"{media.url}/a.png"), TEXT, image_part())
    mt_id = mt_id_of(send(quick, body))
    wait_until(lambda: len(callback.statuses(mt_id)) == 2)
    page = _page(quick, f"/messages/{mt_id}").text
    for words in ("Hello you", "This is my text.", "Retrieved", "data centre 2", "--mimeboundary--", "Basic ********"):
        assert words in page
    sources = [piece.split('"')[0] for piece in page.split('<img class="bubble" src="')[1:]]
    assert len(sources) == 2
    for source in sources:
        picture = _page(quick, source)
        assert picture.content == PIXEL
        assert picture.headers["Content-Type"] == "image/png"
    assert "Retrieved" in _page(quick, "/").text


def test_a_refused_request_says_what_failed_and_why(quick: RunningSandbox) -> None:
    answer = send(quick, body_of(json_part(), TEXT, above=b"\r\n"))
    page = _page(quick, f"/messages/{answer.headers['X-Request-Id']}").text
    assert "--blank-line mime" in page
    assert "rule 7" in page


def test_what_was_sent_cannot_become_markup(quick: RunningSandbox) -> None:
    body = body_of(json_part(subject="<script>alert(1)</script>"), TEXT.replace(b"my", b"<b>my</b>"))
    page = _page(quick, f"/messages/{mt_id_of(send(quick, body))}").text
    assert "<script>alert" not in page
    assert "<b>my" not in page


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", b"<html>", b"%PDF-1.4"]
)
def test_active_content_is_only_downloaded(quick: RunningSandbox, content: bytes) -> None:
    part = b"Content-Type: image/png\r\nContent-Id: a\r\n\r\n" + content
    mt_id = mt_id_of(send(quick, body_of(json_part(), part)))
    answer = _page(quick, f"/messages/{mt_id}/parts/0")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("path", ["/messages/1", "/messages/x/parts/0", "/media/x", "/sandbox/api/messages/1"])
def test_what_is_not_there_is_404(quick: RunningSandbox, path: str) -> None:
    assert _page(quick, path).status_code == 404


def test_what_was_forgotten_leads_back_to_what_is_there(quick: RunningSandbox) -> None:
    page = _page(quick, "/messages/015-OLD")
    assert page.status_code == 404
    assert "forgets them when it stops" in page.text
    assert '<a href="/">All messages</a>' in page.text
    api = _page(quick, "/sandbox/api/nosuch")
    assert (api.status_code, api.json()["status"]) == (404, 404)


def test_pages_load_nothing_from_elsewhere(quick: RunningSandbox) -> None:
    answer = _page(quick, "/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for path in ("/sandbox-static/sandbox.css", "/sandbox-static/sandbox.js", "/sandbox-static/icon.svg"):
        assert path in answer.text
        assert _page(quick, path).status_code == 200


def test_long_bytes_show_their_beginning_and_end() -> None:
    shown = show_bytes(b"begin" + bytes(5000) + b"\xff\r\nend", 400)
    assert shown.startswith("begin\\x00")
    assert shown.endswith("\\xff\nend")
    assert "bytes left out" in shown
    assert show_bytes(b"a\nb", 100) == "a\\x0ab"


def test_reports_that_have_nowhere_to_go_say_so_and_look_like_no_failure(quick: RunningSandbox) -> None:
    quick.call("PATCH", "/options", {"callback_url": ""})
    mt_id = mt_id_of(send(quick))
    wait_until(lambda: "Retrieved" in _page(quick, "/").text)
    overview, whole = _page(quick, "/").text, _page(quick, f"/messages/{mt_id}").text
    assert '<span class="tag step">Forwarded: no callback URL</span>' in overview
    assert "not taken" not in overview
    assert "attempt 1, not posted: no callback URL is set" in whole
    assert "no answer" not in whole


def test_a_report_that_nobody_took_says_so(quick: RunningSandbox, callback: Callback) -> None:
    callback.answers = [500] * 10
    send(quick)
    wait_until(lambda: "Forwarded not taken" in _page(quick, "/").text)
