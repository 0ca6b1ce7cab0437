import io
from dataclasses import replace
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge import create_app
from app.edge.problems import STATUS, error_classes, error_named
from app.errors import CannotFit, Defect
from app.records.callbacks import new_callbacks
from tests.edge.conftest import Browser, Working

SECRET = "callback-secret-of-the-tests"
REPORT = b'{"deliveryReceipt": {"mtId": "1"}}'


def waiting(web: Postcard) -> list[bytes]:
    with web.database.read() as connection:
        return [each.body for each in new_callbacks(connection)]


def test_suppressed_numbers_are_added_listed_and_removed(api: FlaskClient) -> None:
    added = api.post("/suppressions", json={"numbers": ["+1 251 555 0130", "447700900765"], "note": "asked by mail"})
    assert (added.status_code, added.get_json()["added"]) == (201, 2)
    assert api.post("/suppressions", json={"numbers": ["12515550130"]}).get_json()["added"] == 0
    listed = api.get("/suppressions?limit=1").get_json()
    assert (listed["items"][0]["number"], listed["items"][0]["created_by"]) == ("12515550130", "token tests")
    assert api.get(f"/suppressions?after={listed['next']}").get_json()["items"][0]["number"] == "447700900765"
    assert api.delete("/suppressions/12515550130").status_code == 204
    assert api.delete("/suppressions", query_string={"number": "+447700900765"}).status_code == 204
    assert api.delete("/suppressions/12515550130").status_code == 404
    assert api.post("/suppressions", json={"numbers": ["abc"]}).status_code == 422


def test_an_operator_is_changed_by_what_an_admin_knows_better(api: FlaskClient) -> None:
    shipped = api.get("/operators/att_us").get_json()
    assert not shipped["edited"]
    changed = api.put("/operators/att_us", json={"profile_by_kind": {"short_code": "large"}, "source": "their letter"})
    assert changed.status_code == 200
    shown = api.get("/operators/att_us").get_json()
    assert shown["profile_by_kind"] == {**shipped["profile_by_kind"], "short_code": "large"}
    assert (shown["source"], shown["name"], shown["edited"]) == ("their letter", shipped["name"], True)
    assert any(each["id"] == "att_us" and each["edited"] for each in api.get("/operators").get_json()["items"])


def test_an_operator_is_never_given_a_profile_larger_than_what_it_takes(api: FlaskClient) -> None:
    refused = api.put("/operators/att_us", json={"max_bytes": 500_000})
    assert refused.status_code == 422
    fields = {each["field"] for each in refused.get_json()["errors"]}
    assert fields == {"profile_by_kind.short_code", "profile_by_kind.virtual_mobile"}
    assert not api.get("/operators/att_us").get_json()["edited"]
    within = {"short_code": "large", "toll_free": "large", "virtual_mobile": "universal"}
    changed = api.put("/operators/att_us", json={"max_bytes": 500_000, "profile_by_kind": within})
    assert changed.status_code == 200
    assert api.put("/operators/att_us", json={"profile_by_kind": {"toll_free": "max"}}).status_code == 422


def test_an_edit_moves_the_limit_of_known_recipients_and_of_those_whose_operator_is_unknown(api: FlaskClient) -> None:
    parts = [{"text": "Hello"}]
    recipients = ["12515550130", {"number": "12515550131", "operator_id": 79}]

    def limits() -> dict[str, int]:
        answer = api.post("/campaigns/preview", json={"parts": parts, "recipients": recipients})
        return {each["profile"]: each["recipients"] for each in answer.get_json()["previews"]}

    assert limits() == {"xlarge": 1, "max": 1}
    assert api.put("/operators/t_mobile_us", json={"profile_by_kind": {"short_code": "large"}}).status_code == 200
    assert limits() == {"large": 2}


def test_a_new_operator_needs_name_and_country(api: FlaskClient) -> None:
    refused = api.put("/operators/new_one", json={"openmarket_id": 5})
    assert [each["field"] for each in refused.get_json()["errors"]] == ["name", "country"]
    assert api.put("/operators/new_one", json={"name": "New", "country": "GB"}).status_code == 200
    assert api.get("/operators/new_one").get_json()["name"] == "New"


@pytest.mark.parametrize(
    ("operator", "body"),
    [
        ("att_us", {"profile_by_kind": {"short_code": "gigantic"}}),
        ("att_us", {"profile_by_kind": {"pigeon": "large"}}),
        ("att_us", {"country": "usa"}),
        ("att_us", {"max_bytes": -1}),
        ("a-b", {"name": "x", "country": "US"}),
    ],
)
def test_a_wrong_edit_is_refused(api: FlaskClient, operator: str, body: dict[str, object]) -> None:
    assert api.put(f"/operators/{operator}", json=body).status_code == 422
    assert api.get("/operators/nobody").status_code == 404


def test_the_senders_are_those_of_the_settings(api: FlaskClient) -> None:
    senders = {each["country"]: each["source"] for each in api.get("/senders").get_json()["items"]}
    assert senders == {"US": "88600", "GB": "447700900750", "IE": "50123", "AU": "61491570006"}
    assert api.get("/inbound").get_json() == {"items": [], "next": None}


def test_a_callback_is_stored_as_it_came_and_answered_with_nothing(
    web: Postcard, nobody: FlaskClient, queue: Working
) -> None:
    queue.held = True
    answer = nobody.post(f"/callbacks/openmarket/{SECRET}", data=REPORT, content_type="application/json")
    assert (answer.status_code, answer.data) == (200, b"")
    assert waiting(web) == [REPORT]


@pytest.mark.parametrize("secret", ["wrong", SECRET[:-1], SECRET + "x", "ä" * 20, "%00"])
def test_a_callback_with_a_wrong_secret_is_not_found_and_not_stored(
    web: Postcard, nobody: FlaskClient, secret: str, queue: Working
) -> None:
    queue.held = True
    answer = nobody.post(f"/callbacks/openmarket/{secret}", data=REPORT)
    assert answer.status_code == 404
    assert secret not in answer.text
    assert waiting(web) == []


def test_the_secret_is_in_no_log_line(
    nobody: FlaskClient, queue: Working, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.held = True
    nobody.post(f"/callbacks/openmarket/{SECRET}", data=REPORT)
    nobody.get(f"/callbacks/openmarket/{SECRET}")
    printed = capsys.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err


def test_the_previous_secret_is_taken_and_a_foreign_network_is_not(web: Postcard, queue: Working) -> None:
    queue.held = True
    callback = replace(web.settings.callback, previous_secret="x" * 24, networks=("192.0.2.0/24",))
    client = create_app(replace(web, settings=replace(web.settings, callback=callback))).test_client()
    path = f"/callbacks/openmarket/{'x' * 24}"
    assert client.post(path, data=REPORT, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200
    assert client.post(path, data=REPORT, environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 404
    assert client.post(path, data=REPORT, environ_base={"REMOTE_ADDR": "odd"}).status_code == 404


def test_a_callback_that_is_too_long_is_cut_and_answered(web: Postcard, queue: Working) -> None:
    queue.held = True
    callback = replace(web.settings.callback, max_bytes=10)
    client = create_app(replace(web, settings=replace(web.settings, callback=callback))).test_client()
    assert client.post(f"/callbacks/openmarket/{SECRET}", data=REPORT).status_code == 200
    assert waiting(web) == [REPORT[:10]]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/mixed; boundary=b"])
def test_a_callback_in_chunks_without_a_length_is_stored_whole(
    web: Postcard, nobody: FlaskClient, queue: Working, content_type: str
) -> None:
    queue.held = True
    answer = nobody.post(
        f"/callbacks/openmarket/{SECRET}",
        input_stream=io.BytesIO(REPORT),
        headers={"Transfer-Encoding": "chunked", "Content-Type": content_type},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert (answer.status_code, waiting(web)) == (200, [REPORT])


def test_a_callback_in_chunks_that_is_too_long_is_cut_and_answered(web: Postcard, queue: Working) -> None:
    queue.held = True
    callback = replace(web.settings.callback, max_bytes=10)
    client = create_app(replace(web, settings=replace(web.settings, callback=callback))).test_client()
    answer = client.post(
        f"/callbacks/openmarket/{SECRET}",
        input_stream=io.BytesIO(REPORT),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert (answer.status_code, waiting(web)) == (200, [REPORT[:10]])


def test_alive_and_ready_are_told_to_everybody_and_figures_to_callers(api: FlaskClient, nobody: FlaskClient) -> None:
    assert nobody.get("/healthz").get_json() == {"status": "alive"}
    ready = nobody.get("/readyz").get_json()
    # No worker is running here, which is said, and keeps nobody from being served.
    assert (ready["status"], set(ready["checks"])) == ("ready", {"database", "store", "workers"})
    assert (ready["checks"]["store"]["passed"], ready["checks"]["workers"]["passed"]) == (True, False)
    assert "postcard_database_answers 1.0" in api.get("/metrics").text


def test_every_error_has_a_status_and_a_place_on_its_page(nobody: FlaskClient) -> None:
    slugs = {each.slug for each in error_classes()}
    assert slugs == STATUS.keys()
    page = nobody.get("/docs/errors")
    assert page.status_code == 200
    for slug in slugs:
        assert f'id="{slug}"' in page.text


def test_a_kept_error_is_found_by_its_slug() -> None:
    assert error_named("cannot-fit") is CannotFit
    assert error_named("of-another-version") is Defect


def test_a_bug_is_answered_without_its_inside(web: Postcard, token: str) -> None:
    app: APIFlask = create_app(web)

    def broken() -> str:
        raise RuntimeError("inside /etc/passwd")

    app.add_url_rule("/broken", "broken", broken)
    answer = app.test_client().get("/broken", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 500
    assert answer.get_json()["type"].endswith("#defect")
    assert "inside" not in answer.text


def test_the_api_describes_itself_with_every_address_of_the_design(api: FlaskClient) -> None:
    spec = api.get("/openapi.json").get_json()
    assert spec["openapi"].startswith("3.1")
    described = {f"{method.upper()} {path}" for path, methods in spec["paths"].items() for method in methods}
    assert {
        "POST /campaign-assets",
        "GET /campaign-assets",
        "GET /campaign-assets/{asset_id}",
        "DELETE /campaign-assets/{asset_id}",
        "POST /campaign-assets/{asset_id}/renditions",
        "POST /campaigns",
        "GET /campaigns",
        "GET /campaigns/{campaign_id}",
        "PATCH /campaigns/{campaign_id}",
        "GET /campaigns/{campaign_id}/messages",
        "GET /campaigns/{campaign_id}/messages.csv",
        "POST /campaigns/preview",
        "POST /campaigns/{campaign_id}/start",
        "POST /campaigns/{campaign_id}/pause",
        "POST /campaigns/{campaign_id}/resume",
        "POST /campaigns/{campaign_id}/cancel",
        "POST /campaigns/{campaign_id}/resend-failed",
        "POST /campaigns/{campaign_id}/resend-unknown",
        "POST /campaigns/{campaign_id}/test",
        "POST /messages",
        "GET /messages/{message_id}",
        "GET /suppressions",
        "POST /suppressions",
        "DELETE /suppressions",
        "GET /operators/{operator_id}",
        "PUT /operators/{operator_id}",
        "GET /senders",
        "GET /inbound",
    } <= described
    assert not [path for path in spec["paths"] if path.startswith(("/app", "/callbacks", "/docs"))]
    named = {ref for ref in _refs(spec) if ref.startswith("#/components/schemas/")}
    assert {ref.rsplit("/", 1)[1] for ref in named} <= spec["components"]["schemas"].keys()


def _refs(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_refs(each) for each in node.values()))
    return set().union(*(_refs(each) for each in node)) if isinstance(node, list) else set()


def test_vendored_files_have_their_licences_beside_them() -> None:
    vendor = Path(create_app.__code__.co_filename).parent / "static" / "vendor"
    for folder in (each for each in vendor.iterdir() if each.is_dir()):
        assert (folder / "LICENSE").read_text()
        assert folder.name in (vendor / "README.md").read_text()


def test_settings_are_changed_on_the_page_by_an_admin(browser: Browser, api: FlaskClient) -> None:
    page = browser.post("/app/settings/tokens", {"name": "web shop"}).text
    secret = page.split('id="new-token" readonly value="')[1].split('"')[0]
    assert api.get("/senders", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert "already" in browser.post("/app/settings/tokens", {"name": "web shop"}).text
    assert browser.post("/app/settings/suppressions", {"numbers": "+1 251 555 0130\n447700900765"}).status_code == 303
    assert "+12515550130" in browser.client.get("/app/settings").text
    assert browser.post("/app/settings/suppressions/12515550130/remove").status_code == 303
    assert "+12515550130" not in browser.client.get("/app/settings").text
    assert browser.post("/app/settings/suppressions", {"numbers": "abc"}).status_code == 422


@pytest.mark.parametrize(
    ("query", "body", "headers"),
    [
        ("", b"", {}),
        ("", b"\x00\xff", {"Content-Type": "application/json"}),
        ("?x=%00", REPORT, {"Content-Type": "application/json"}),
        ("", REPORT, {"Content-Type": "application/x-www-form-urlencoded"}),
        ("", b"--b\r\n", {"Content-Type": "multipart/mixed"}),
        ("", b"not gzip", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        ("", REPORT, {"Content-Type": "\xe9" * 1_000, "X-Request-Id": "\xe9" * 1_000, "Cookie": "=;=\xff"}),
        ("", REPORT, {"Authorization": "Bearer nobody", "Origin": "https://elsewhere.example"}),
    ],
)
def test_whatever_is_posted_with_the_right_secret_is_answered_200_and_kept(
    web: Postcard, nobody: FlaskClient, queue: Working, query: str, body: bytes, headers: dict[str, str]
) -> None:
    queue.held = True
    answer = nobody.post(f"/callbacks/openmarket/{SECRET}{query}", data=body, headers=headers)
    assert (answer.status_code, answer.data) == (200, b"")
    assert waiting(web) == [body]
