"""Whatever is refused with 422 says in `errors` which field is wrong, in one shape, and every bad recipient at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.edge.problems import STATUS, as_problem, error_classes
from app.errors import PostcardError
from tests.edge.conftest import Browser
from tests.edge.test_assets import PHOTO, SMALL, send
from tests.edge.test_campaigns import TEXT, draft
from tests.media.pictures import png_bomb

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
HI = [{"text": "hi"}]
NUMBER = "12515550130"
BAD_PARTS = {"parts": [{"text": "ok"}, {"text": "x" * 5001}]}


def problem_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert problem["errors"], problem
    for each in problem["errors"]:
        assert set(each) == {"field", "message"}
        assert each["field"]
        assert each["message"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("POST", "/campaigns", {**TEXT, "recipients": []}, ["recipients"]),
        ("POST", "/campaigns", {**TEXT, "send_at": PAST}, ["send_at"]),
        ("POST", "/campaigns", {**TEXT, "send_at": "2099-01-01T00:00:00Z"}, ["send_at"]),
        ("POST", "/campaigns", {**TEXT, **BAD_PARTS}, ["parts.1.text"]),
        ("POST", "/campaigns", {**TEXT, "parts": [{"text": "x" * 3000}] * 2}, ["parts"]),
        ("POST", "/campaigns", {**TEXT, "parts": [{"text": " "}]}, ["parts.0.text"]),
        ("POST", "/campaigns", {**TEXT, "parts": HI * 21}, ["parts"]),
        ("POST", "/campaigns", {**TEXT, "subject": "x" * 256}, ["subject"]),
        ("POST", "/campaigns", {**TEXT, "name": "x" * 201}, ["name"]),
        ("POST", "/campaigns", {**TEXT, "source": "+1"}, ["source"]),
        ("POST", "/campaigns", {**TEXT, "mt_config": "a\nb"}, ["mt_config"]),
        ("POST", "/campaigns", {**TEXT, "profile": "tiny"}, ["profile"]),
        ("POST", "/campaigns", {"parts": 1, "recipients": 2, "more": 3}, ["more", "parts", "recipients"]),
        ("POST", "/campaigns", [], ["body"]),
        ("POST", "/campaigns/preview", {**TEXT, **BAD_PARTS}, ["parts.1.text"]),
        ("POST", "/campaigns/preview", {"parts": HI, "recipients": ["12"]}, ["recipients.0"]),
        ("POST", "/recipients/check", {"recipients": [NUMBER, 5, "12"]}, ["recipients.1", "recipients.2"]),
        ("POST", "/messages", {"parts": HI, "to": "12"}, ["to"]),
        ("POST", "/messages", {"parts": HI, "to": 5}, ["to"]),
        ("POST", "/messages", {"parts": HI}, ["to"]),
        ("POST", "/suppressions", {"numbers": [NUMBER, 5, "12"]}, ["numbers.1", "numbers.2"]),
        ("POST", "/suppressions", {"numbers": []}, ["numbers"]),
        ("DELETE", "/suppressions?number=", None, ["number"]),
        ("POST", "/campaign-assets", {"url": "ftp://example.com/a"}, ["url"]),
        ("POST", "/campaign-assets", {"url": 5}, ["url"]),
        ("POST", "/campaign-assets/uploads", {"filename": "a.jpg", "bytes": 10}, ["sha256"]),
        ("PUT", "/operators/o-2", {"name": "O2"}, ["operator_id"]),
        ("PUT", "/operators/o_2", {"name": "O2"}, ["country"]),
        ("PUT", "/operators/att_us", {"profile_by_kind": {"fax": "large"}}, ["profile_by_kind.fax"]),
        ("PUT", "/operators/att_us", {"profile_by_kind": {"short_code": "tiny"}}, ["profile_by_kind.short_code"]),
        ("GET", "/campaigns?limit=0", None, ["limit"]),
        ("GET", "/campaigns?before=%00", None, ["before"]),
    ],
)
def test_a_refusal_names_its_fields(api: FlaskClient, method: str, path: str, body: Any, fields: list[str]) -> None:
    problem = problem_of(
        api.open(path, method=method, json=body) if body is not None else api.open(path, method=method)
    )
    assert sorted(each["field"] for each in problem["errors"]) == fields
    assert api.get("/campaigns").get_json()["items"] == []


def test_media_is_named_by_where_it_came_from(api: FlaskClient) -> None:
    for content, slug in ((b"", "upload-empty"), (PHOTO[:5000], "media-damaged"), (png_bomb(), "media-too-big")):
        problem = problem_of(send(api, content))
        assert problem["type"].endswith(f"#{slug}")
        assert [each["field"] for each in problem["errors"]] == ["file"]
    asset = send(api, SMALL).get_json()
    wrong = api.post(f"/campaign-assets/{asset['id']}/renditions", json={"profile": "universal", "as": "mp4"})
    assert [each["field"] for each in problem_of(wrong)["errors"]] == ["as"]
    down = api.post(f"/campaign-assets/{asset['id']}/takedown", json={"reason": "A claim.", "confirm": "yes"})
    assert [each["field"] for each in problem_of(down)["errors"]] == ["confirm"]


def test_a_test_to_too_many_names_them(api: FlaskClient) -> None:
    wrong = api.post(f"/campaigns/{draft(api)}/test", json={"recipients": [NUMBER] * 6})
    assert [each["field"] for each in problem_of(wrong)["errors"]] == ["recipients"]


def test_an_odd_idempotency_key_is_named_too(api: FlaskClient) -> None:
    wrong = api.post("/campaigns", json=TEXT, headers={"Idempotency-Key": "x" * 256})
    assert [each["field"] for each in problem_of(wrong)["errors"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    "kind", [each for each in error_classes() if STATUS[each.slug] == 422], ids=lambda kind: kind.slug
)
@pytest.mark.parametrize("path", ["/campaigns", "/campaign-assets", "/messages", "/suppressions", "/nothing"])
def test_every_kind_of_422_has_fields_wherever_it_is_raised(
    app: APIFlask, kind: type[PostcardError], path: str
) -> None:
    for facts in ({}, {"recipients": ["12"]}, {"recipients": [{"index": 3, "number": "12", "reason": "is short"}]}):
        with app.test_request_context(path, method="POST", json={}):
            problem = as_problem(kind("It is wrong.", **facts))
        assert problem["errors"]
        assert all(each["field"] and each["message"] for each in problem["errors"])


def test_a_number_of_the_wrong_kind_hides_no_other_bad_one(api: FlaskClient) -> None:
    given: list[Any] = [
        NUMBER,
        12515550131,
        "12",
        None,
        {"number": 5},
        {"nummer": "x"},
        [NUMBER],
        True,
        {},
        "+44 7700 900765",
    ]
    problem = problem_of(api.post("/campaigns", json={**TEXT, "recipients": given}))
    assert problem["type"].endswith("#invalid-recipients")
    assert [each["index"] for each in problem["recipients"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [each["number"] for each in problem["recipients"]][:4] == ["12515550131", "12", "null", "5"]
    told = {each["field"]: each["message"] for each in problem["errors"]}
    assert list(told) == [f"recipients.{index}" for index in range(1, 9)]
    assert told["recipients.1"] == 'must be a number as text, such as "12515550130", or an object with `number`'
    assert told["recipients.4"] == 'a number must be text, such as "12515550130"'
    assert told["recipients.5"] == "has what is not known here: nummer"
    assert told["recipients.8"] == "`number` is missing"
    assert api.get("/campaigns").get_json()["items"] == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "operator_id", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.just(NUMBER) | ANYTHING.filter(lambda each: "\0" not in str(each)), min_size=1, max_size=6))
def test_whatever_stands_among_the_recipients_each_bad_one_is_named_and_nothing_breaks(
    api: FlaskClient, recipients: Any
) -> None:
    answer = api.post("/recipients/check", json={"recipients": recipients})
    if answer.status_code == 200:
        return
    problem = problem_of(answer)
    bad = {each["index"] for each in problem["recipients"]} if "recipients" in problem else set()
    good = {index for index, each in enumerate(recipients) if each == NUMBER}
    assert not bad & good
    assert bad or {each["field"].split(".")[0] for each in problem["errors"]} == {"recipients"}


def test_a_page_shows_the_same_words_without_a_list_of_fields(browser: Browser) -> None:
    answer = browser.post("/app/settings/suppressions", {"numbers": "12\n13", "note": ""})
    assert answer.status_code == 422
    assert "8 to 15 with the country code" in answer.text
