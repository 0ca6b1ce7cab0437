"""A body of the wrong shape is refused in our words, for the field as its sender wrote it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.edge.validation import _WORDS

TEXT = [{"text": "Hello"}]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"parts": "is missing", "recipients": "is missing"}),
        ({"parts": [], "recipients": []}, {"parts": "needs at least 1 entry"}),
        ({"parts": "x", "recipients": "y"}, {"parts": "must be a list", "recipients": "must be a list"}),
        ({"parts": [{}], "recipients": []}, {"parts.0.asset_id": "is missing"}),
        ({"parts": [5], "recipients": []}, {"parts.0": "must be an object"}),
        ({"parts": [{"text": 5}], "recipients": []}, {"parts.0.text": "must be text"}),
        ({"parts": [{"text": "x", "bold": True}], "recipients": []}, {"parts.0.bold": "is not known here"}),
        (
            {"parts": [{"asset_id": "a", "as": "gif"}], "recipients": []},
            {"parts.0.as": "must be one of 'auto', 'mp4', '3gp', 'first_frame', 'aac', 'amr' or 'mp3'"},
        ),
        ({"parts": TEXT, "recipients": [], "start": "perhaps"}, {"start": "must be true or false"}),
        (
            {"parts": TEXT, "recipients": [], "send_at": "2026-11-22T09:00:00"},
            {"send_at": "must be a time with its zone, such as 2026-11-22T09:00:00Z"},
        ),
        ({"parts": TEXT, "recipients": [], "subject": "x" * 2001}, {"subject": "has more than 2000 characters"}),
        ({"parts": [{"text": "\0"}], "recipients": []}, {"parts": "the character U+0000 is not possible in text"}),
    ],
)
def test_each_field_has_a_sentence(api: FlaskClient, body: dict[str, Any], errors: dict[str, str]) -> None:
    answer = api.post("/campaigns", json=body)
    assert answer.status_code == 422
    problem = answer.get_json()
    assert {each["field"]: each["message"] for each in problem["errors"]} == errors
    first = problem["errors"][0]
    assert problem["detail"] == f"{first['field']}: {first['message']}."


def test_no_word_of_the_library_reaches_a_caller() -> None:
    for words in _WORDS.values():
        assert "Input" not in words
        assert "valid integer" not in words
