"""A body that is no JSON is told where it goes wrong, so that nobody has to guess at a comma."""

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{bad", "The body is not JSON: it goes wrong at line 1, column 2."),
        (b'{"parts": [],\n "recipients": [1,]}', "The body is not JSON: it goes wrong at line 2, column 19."),
        (b'{"parts": "\xff"}', "The body is not UTF-8."),
        (b"", "The body is empty; `{}` is the least."),
        (b"[" * 100_000, "The body is nested too deeply."),
        (
            b'{"parts": [' + b"9" * 6_000 + b"]}",
            "The body has a number of thousands of digits; no number here is nearly as long.",
        ),
    ],
    ids=["no quotes", "a comma too many", "not UTF-8", "empty", "deep", "a long number"],
)
def test_a_body_that_is_no_json_is_told_where_it_goes_wrong(api: FlaskClient, body: bytes, words: str) -> None:
    for path in ("/campaigns", "/campaign-assets"):
        answer = api.post(path, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert answer.get_json()["detail"] == words
