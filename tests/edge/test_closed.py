"""Nobody in: every address is closed unless it is on the list, and the list is short."""

import re

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.edge.auth import OPEN_ENDPOINTS
from tests.edge.conftest import Browser


def addresses(app: APIFlask) -> list[tuple[str, str, str]]:
    """List every (method, path, endpoint) with something in the place of each variable."""
    return [
        (method, re.sub(r"<[^>]+>", "x", rule.rule), rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_address_asks_who_is_calling_unless_it_is_on_the_open_list(app: APIFlask, nobody: FlaskClient) -> None:
    for method, path, endpoint in addresses(app):
        if endpoint in OPEN_ENDPOINTS:
            continue
        answer = nobody.open(path, method=method)
        assert answer.status_code == 401, (method, path)
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_open_list_is_what_the_design_says(app: APIFlask) -> None:
    opened = {path for _, path, endpoint in addresses(app) if endpoint in OPEN_ENDPOINTS}
    assert opened == {
        "/",
        "/app/sign-in",
        "/callbacks/openmarket/x",
        "/docs/errors",
        "/favicon.ico",
        "/healthz",
        "/readyz",
        "/static/x",
    }


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic bWlhOnB3", "Bearer pc_" + "x" * 5000, "nonsense", "bearer \x00"]
)
def test_a_wrong_token_is_refused_even_beside_a_session(browser: Browser, header: str) -> None:
    answer = browser.client.get("/campaigns", headers={"Authorization": header, "Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.get_json()["type"].endswith("/docs/errors#not-signed-in")


def test_a_revoked_token_is_refused(api: FlaskClient, browser: Browser) -> None:
    assert api.get("/campaigns").status_code == 200
    token_id = re.search(r"/app/settings/tokens/(tok_\w+)/revoke", browser.client.get("/app/settings").text)
    assert token_id is not None
    assert browser.post(f"/app/settings/tokens/{token_id.group(1)}/revoke").status_code == 303
    assert api.get("/campaigns").status_code == 401


def test_a_person_without_a_session_is_led_to_the_sign_in_page(nobody: FlaskClient) -> None:
    answer = nobody.get("/app/library", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/app/sign-in?next=/app/library"


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        ("http://127.0.0.1:8000", None, 303),
        ("http://localhost", None, 303),
        (None, "same-origin", 303),
        (None, None, 303),
        ("https://evil.example", None, 403),
        ("null", None, 403),
        ("http://127.0.0.1:8000.evil.example", None, 403),
        (None, "cross-site", 403),
        (None, "same-site", 403),
    ],
)
def test_a_foreign_page_cannot_act_for_a_signed_in_user(
    browser: Browser, origin: str | None, site: str | None, status: int
) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": site}
    answer = browser.post("/app/sign-out", headers={name: value for name, value in headers.items() if value})
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/app/sign-out", "/campaigns", "/campaign-assets", "/suppressions"])
def test_a_session_without_a_csrf_token_changes_nothing(browser: Browser, path: str) -> None:
    answer = browser.client.post(path, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.get_json()["type"].endswith("#forbidden")
    assert browser.client.get("/app/send").status_code == 200


def test_the_csrf_token_of_another_session_is_not_taken(app: APIFlask, browser: Browser) -> None:
    foreign = app.test_client().get("/app/sign-in").text.split('name="csrf-token" content="')[1].split('"')[0]
    assert browser.client.post("/app/sign-out", data={"csrf_token": foreign}).status_code == 403


def test_what_browsers_may_do_is_said_with_every_answer(nobody: FlaskClient) -> None:
    for path in ("/app/sign-in", "/campaigns", "/nothing", "/static/page.js"):
        with nobody.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Request-Id"]


def test_a_request_id_is_taken_over_only_when_it_is_harmless(nobody: FlaskClient) -> None:
    assert nobody.get("/healthz", headers={"X-Request-Id": "abc-1.2"}).headers["X-Request-Id"] == "abc-1.2"
    for odd in ("x" * 65, "a b", "<script>", "ä"):
        assert nobody.get("/healthz", headers={"X-Request-Id": odd}).headers["X-Request-Id"].startswith("req_")


def test_no_page_holds_an_inline_script_or_style_or_loads_anything_from_elsewhere(browser: Browser) -> None:
    for path in ("/app/send", "/app/library", "/app/campaigns", "/app/settings", "/docs", "/docs/errors"):
        page = browser.client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), path
        assert not re.findall(r'<(?!a )[^>]*\s(?:src|href)="(?:https?:)?//', page), path
