"""What each answer proves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.status import OutcomeKind
from app.send.answers import KEPT_CHARACTERS, Answer, read_answer
from app.send.codes import CODES

DOCUMENTED = {
    15000, 15100, 15101, 15102, 15105, 15200, 15201, 15202, 15203, 15204, 15205, 15206, 15300, 15301, 15302, 15303, 15305,
    15406,
}  # fmt: skip


def error(code: object, description: object = "You must specify a source number") -> bytes:
    return json.dumps({"error": {"code": code, "description": description}, "new": 1}).encode()


def test_every_documented_code_is_in_the_table_and_no_other() -> None:
    assert set(CODES) == DOCUMENTED


@pytest.mark.parametrize("mt_id", ["123456789012345", "9007199254740993", "1" * 39])
def test_an_accepted_message_has_its_mt_id_digit_by_digit(mt_id: str) -> None:
    answer = read_answer(
        202, {"x-request-id": "015-3DD6C366-D68A-4A02-9777-19CBC8AB40C1"}, b'{"mtId": %s}' % mt_id.encode()
    )
    assert (answer.kind, answer.mt_id) == (OutcomeKind.ACCEPTED, mt_id)
    assert answer.request_id == "015-3DD6C366-D68A-4A02-9777-19CBC8AB40C1"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, b""),
        (202, b"{}"),
        (202, b'{"mtId": null}'),
        (202, b'{"mtId": 1.5}'),
        (202, b'{"mtId": 1e20}'),
        (202, b'{"mtId": -1}'),
        (202, b'{"mtId": true}'),
        (202, b'{"mtId": "abc"}'),
        (202, b'[{"mtId": 1}]'),
        (202, b'{"mtId": 123'),
        (202, b"\xff\xfe\x00"),
        (202, b"[" * 100_000),
        (200, b"<html>ok</html>"),
        (202, error(15102)),
        (301, b""),
        (302, b"<html>"),
        (400, b"Bad Request"),
        (403, b"<html>Forbidden</html>"),
        (403, b'{"error": "no"}'),
        (403, b'{"error": {"code": "x"}}'),
        (403, b'{"error": {"code": true}}'),
        (500, b"<html>"),
        (502, b""),
        (503, error(15000)),
        (500, error(15000)),
        (500, error(99999)),
    ],
)
def test_what_proves_nothing_is_unknown(status: int, body: bytes) -> None:
    answer = read_answer(status, {}, body)
    assert answer.kind is OutcomeKind.UNKNOWN
    assert answer.description
    assert not answer.pause


@pytest.mark.parametrize("code", [15100, 15101, 15102, 15105, 15200, 15202, 15203, 15205, 15000])
def test_a_refusal_that_is_the_same_for_everybody_pauses(code: int) -> None:
    answer = read_answer(403, {}, error(code))
    assert answer.kind is OutcomeKind.REFUSED
    assert str(code) in answer.pause


@pytest.mark.parametrize("code", [15206, 15300, 15301, 15302, 15303, 15305])
def test_a_refusal_of_the_account_pauses_and_leaves_the_message_to_be_sent_later(code: int) -> None:
    answer = read_answer(401, {}, error(code))
    assert answer.kind is OutcomeKind.NOT_SENT
    assert "pending" in answer.pause


def test_a_bad_destination_fails_this_recipient_alone() -> None:
    answer = read_answer(400, {}, error(15201, "Invalid destination number."))
    assert (answer.kind, answer.pause, answer.description) == (OutcomeKind.REFUSED, "", "Invalid destination number.")


def test_a_bad_operator_is_tried_once_more_without_it() -> None:
    answer = read_answer(400, {}, error(15204))
    assert (answer.kind, answer.drop_operator, answer.pause) == (OutcomeKind.NOT_SENT, True, "")


def test_too_fast_slows_down_and_may_be_tried_again() -> None:
    answer = read_answer(429, {}, error(15406))
    assert (answer.kind, answer.slow_down, answer.pause) == (OutcomeKind.NOT_SENT, True, "")


def test_the_code_decides_whatever_the_status() -> None:
    for status in (302, 400, 403, 500, 503):
        assert read_answer(status, {}, error(15201)).kind is OutcomeKind.REFUSED
        assert read_answer(status, {}, error("15406")).kind is OutcomeKind.NOT_SENT


def test_a_code_that_no_page_lists_is_a_refusal_only_with_a_4xx() -> None:
    assert read_answer(400, {}, error(15999)).kind is OutcomeKind.REFUSED
    assert read_answer(502, {}, error(15999)).kind is OutcomeKind.UNKNOWN


def test_what_openmarket_confirms_in_writing_may_be_tried_again() -> None:
    confirmed = {15000, 503}
    assert read_answer(500, {}, error(15000), not_accepted=confirmed).kind is OutcomeKind.NOT_SENT
    assert read_answer(503, {}, b"busy", not_accepted=confirmed).kind is OutcomeKind.NOT_SENT
    assert read_answer(502, {}, b"busy", not_accepted=confirmed).kind is OutcomeKind.UNKNOWN


def test_the_answer_is_kept_but_not_endlessly() -> None:
    answer = read_answer(500, {"x-request-id": "r" * 10_000}, "ü".encode() * 10_000)
    assert answer.text == "ü" * KEPT_CHARACTERS
    assert len(answer.request_id) == 200


@given(st.integers(200, 599), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.binary(max_size=300))
def test_any_answer_is_read_and_only_an_mt_id_is_an_acceptance(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    answer = read_answer(status, headers, body)
    assert isinstance(answer, Answer)
    assert (answer.kind is OutcomeKind.ACCEPTED) == bool(answer.mt_id)
