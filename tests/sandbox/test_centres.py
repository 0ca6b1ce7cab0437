"""Links: two data centres fetch for themselves, cache as they are told, and refuse what they cannot use."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.sandbox.centre import Blobs, freshness
from tests.sandbox.pictures import FOREVER, MediaHost, Page
from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import PIXEL, body_of, json_part, link_part
from tests.servers.callback import Callback, wait_until
from tests.servers.sandbox import RunningSandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _send_link(sandbox: RunningSandbox, callback: Callback, url: str) -> str:
    """Send one link; give the last report's status once it is there."""
    mt_id = mt_id_of(send(sandbox, body_of(json_part(), link_part(url))))
    wait_until(lambda: set(callback.statuses(mt_id)) & {"Retrieved", "Rejected"})
    return callback.statuses(mt_id)[-1]


def test_each_data_centre_fetches_once_and_then_uses_its_cache(
    quick: RunningSandbox, callback: Callback, media: MediaHost
) -> None:
    media.pages["/a.png"] = Page()
    for _ in range(3):
        assert _send_link(quick, callback, f"{media.url}/a.png") == "Retrieved"
    assert {agent: times for (_, agent), times in media.asked.items()} == {
        "postcard-sandbox/1 (data centre 1)": 1,
        "postcard-sandbox/1 (data centre 2)": 1,
    }
    fetches = quick.messages()[-1]["fetches"]
    assert {(fetch["centre"], fetch["from_cache"]) for fetch in fetches} == {(1, True), (2, True)}


@pytest.mark.parametrize("control", ["no-store", "no-cache", "max-age=0", ""])
def test_what_may_not_be_cached_is_fetched_for_every_message(
    quick: RunningSandbox, callback: Callback, media: MediaHost, control: str
) -> None:
    media.pages["/a.png"] = Page(headers={"Content-Type": "image/png", "Cache-Control": control})
    for _ in range(2):
        assert _send_link(quick, callback, f"{media.url}/a.png") == "Retrieved"
    assert media.times("/a.png") == 4


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(b"", 404), "must be 200, is 404"),
        (Page(PIXEL, 403), "must be 200, is 403"),
        (Page(PIXEL, 206), "must be 200, is 206"),
        (Page(headers={"Content-Type": ""}), "no Content-Type"),
        (Page(headers={"Content-Type": "png"}), "no Content-Type"),
        (Page(headers={"Content-Type": "image/jpeg"}), "says image/jpeg, but the bytes are image/png"),
        (Page(headers={"Content-Type": "application/octet-stream"}), "application/octet-stream is nothing"),
        (Page(headers={"Content-Type": "text/html"}), "text/html is nothing"),
        (Page(b"<!doctype html><p>Sign in</p>"), "says image/png, but the bytes are text/html"),
        (Page(b""), "no bytes"),
        (Page(PIXEL + bytes(300_000)), "longer than 200000 bytes"),
        (Page(headers={"Content-Type": "image/png", "Content-Length": "5000"}), "could not be fetched"),
    ],
)
def test_what_openmarket_could_not_use_is_rejected_and_says_why(
    quick: RunningSandbox, callback: Callback, media: MediaHost, page: Page, words: str
) -> None:
    quick.call("PATCH", "/options", {"fetch_max_bytes": 200_000})
    media.pages["/a"] = page
    assert _send_link(quick, callback, f"{media.url}/a") == "Rejected"
    told = quick.messages()[0]["fetches"]
    assert [fetch["usable"] for fetch in told] == [False, False]
    assert any(words in verdict["words"] for verdict in told[0]["verdicts"])


def test_a_host_that_is_away_is_said_so(quick: RunningSandbox, callback: Callback) -> None:
    assert _send_link(quick, callback, "http://127.0.0.1:1/a.png") == "Rejected"
    assert "could not be fetched" in quick.messages()[0]["fetches"][0]["verdicts"][0]["words"]


def test_a_redirect_is_followed_with_a_warning(quick: RunningSandbox, callback: Callback, media: MediaHost) -> None:
    media.pages["/old"] = Page(b"", 302, {"Location": "/a.png"})
    media.pages["/a.png"] = Page()
    assert _send_link(quick, callback, f"{media.url}/old") == "Retrieved"
    verdicts = quick.messages()[0]["fetches"][0]["verdicts"]
    assert [verdict["topic"] for verdict in verdicts if verdict["result"] == "warning"] == ["redirect"]


@pytest.mark.parametrize(
    ("headers", "rule", "words"),
    [
        ({"Cache-Control": "no-store"}, 21, "no-store; not kept at all; ours: three days at least"),
        ({"Cache-Control": "max-age=60"}, 21, "allows 60 seconds; ours: three days at least"),
        ({}, 21, "neither Cache-Control nor Expires"),
        ({**FOREVER, "Content-Length": ""}, 25, "no Content-Length"),
    ],
)
def test_what_is_used_all_the_same_may_be_warned_about(
    quick: RunningSandbox, callback: Callback, media: MediaHost, headers: dict[str, str], rule: int, words: str
) -> None:
    media.pages["/a.png"] = Page(headers={"Content-Type": "image/png", **headers})
    assert _send_link(quick, callback, f"{media.url}/a.png") == "Retrieved"
    warned = [each for each in quick.messages()[0]["fetches"][0]["verdicts"] if each["result"] == "warning"]
    assert [each["rule"] for each in warned] == [rule]
    assert words in warned[0]["words"]


def test_what_is_gone_within_three_days_of_its_last_message_says_so(
    quick: RunningSandbox, callback: Callback, media: MediaHost
) -> None:
    media.pages["/a.png"] = Page(headers={"Content-Type": "image/png", "Cache-Control": "no-store"})
    assert _send_link(quick, callback, f"{media.url}/a.png") == "Retrieved"
    media.pages["/a.png"] = Page(b"", 410)
    assert _send_link(quick, callback, f"{media.url}/a.png") == "Rejected"
    assert _send_link(quick, callback, f"{media.url}/never.png") == "Rejected"
    gone, never = ({each["rule"] for each in message["fetches"][0]["verdicts"]} for message in quick.messages()[1:])
    assert (gone, never) == ({20, 22}, {20})


def test_redirects_in_a_circle_end(quick: RunningSandbox, callback: Callback, media: MediaHost) -> None:
    media.pages["/round"] = Page(b"", 302, {"Location": "/round"})
    assert _send_link(quick, callback, f"{media.url}/round") == "Rejected"


def test_a_data_centre_that_is_down_fetches_nothing(
    quick: RunningSandbox, callback: Callback, media: MediaHost
) -> None:
    media.pages["/a.png"] = Page()
    quick.add_fault("centre_down", centre=2)
    assert _send_link(quick, callback, f"{media.url}/a.png") == "Retrieved"
    assert [fetch["centre"] for fetch in quick.messages()[0]["fetches"]] == [1]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "public, max-age=60, immutable"}, 60),
        ({"cache-control": "max-age=60, s-maxage=90"}, 90),
        ({"cache-control": 'MAX-AGE="60"'}, 60),
        ({"cache-control": "max-age=60", "age": "20"}, 40),
        ({"cache-control": "max-age=60", "age": "90"}, 0),
        ({"cache-control": "no-store, max-age=60"}, 0),
        ({"cache-control": "max-age=soon"}, 0),
        ({"expires": format_datetime(NOW + timedelta(hours=1), usegmt=True)}, 3600),
        ({"expires": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0),
        ({"expires": "0"}, 0),
        ({"expires": format_datetime(NOW + timedelta(hours=1), usegmt=True), "cache-control": "max-age=5"}, 5),
    ],
)
def test_cache_control_and_expires_are_heeded(headers: dict[str, str], seconds: float) -> None:
    assert freshness(headers, NOW)[0] == seconds


def test_fetched_bytes_are_bounded_and_the_least_used_go_first() -> None:
    blobs = Blobs(250)
    first, second = blobs.put(b"a" * 100), blobs.put(b"b" * 100)
    blobs.get(first)
    third = blobs.put(b"c" * 100)
    assert [blobs.get(each) is not None for each in (first, second, third)] == [True, False, True]


def test_the_cache_headers_of_these_tests_last_three_days() -> None:
    assert freshness({"cache-control": FOREVER["Cache-Control"]}, NOW)[0] >= 3 * 86400


def test_what_has_expired_is_fetched_again_and_other_bytes_at_the_same_url_are_a_warning(
    quick: RunningSandbox, callback: Callback, media: MediaHost
) -> None:
    media.pages["/a"] = Page(headers={"Content-Type": "image/png", "Cache-Control": "max-age=1"})
    assert _send_link(quick, callback, f"{media.url}/a") == "Retrieved"
    media.pages["/a"] = Page(PIXEL + b"\n")
    wait_until(lambda: _send_link(quick, callback, f"{media.url}/a") and media.times("/a") == 4)
    told = [fetch for message in quick.messages() for fetch in message["fetches"] if not fetch["from_cache"]]
    assert sorted(verdict["result"] for fetch in told for verdict in fetch["verdicts"] if verdict["rule"] == 23) == [
        "pass",
        "pass",
        "warning",
        "warning",
    ]
