"""Each row of the rules, with hand-made wrong requests."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sandbox.codes import CODES
from app.sandbox.judge import Policy
from app.sandbox.rules import Result
from tests.sandbox.wrong import (
    BOUNDARY,
    HEADERS,
    PIXEL,
    TEXT,
    answer_of,
    body_of,
    failed_rules,
    image_part,
    json_part,
    judged,
    link_part,
    right_body,
    warned_rules,
)


def test_a_right_request_passes_every_rule_that_can_be_judged() -> None:
    judgement = judged(
        body_of(json_part(subject="Hi", mobileOperatorId=77), link_part("https://e.org/a.jpg"), TEXT, image_part())
    )
    assert judgement.refusal is None
    assert {verdict.rule for verdict in judgement.verdicts} == set(range(1, 15))
    assert {v.rule for v in judgement.verdicts if v.result is not Result.PASS} == {2, 3}
    assert [content.kind for content in judgement.contents] == ["link", "text", "media"]
    assert judgement.contents[2].data == PIXEL
    assert judgement.contents[1].text == "This is my text."


def test_the_pages_own_example_passes_once_its_blank_lines_are_there() -> None:
    example = (
        b"--mimeboundary\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n"
        b'{\r\n   "type": "MT",\r\n   "source": "88600",\r\n   "destination": "12515550130",\r\n   "mtConfig": "config1",\r\n'
        b'   "subject": "Example MMS",\r\n   "mobileOperatorId": 77  \r\n}\r\n\r\n'
        b"--mimeboundary\r\nContent-Type: application/vnd.openmarket.remoteContent\r\nContent-Id: MMS-Demo.mp4 \r\n\r\n"
        b"https://www.openmarket.com/docs/Content/downloads/MMS-Demo.mp4\r\n\r\n"
        b"--mimeboundary\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Id: example.txt \r\n\r\nThis is my text.\r\n\r\n"
        b"--mimeboundary\r\nContent-Type: image/png\r\nContent-Id: example.png\r\nContent-Transfer-Encoding: BASE64 \r\n\r\n"
        + base64.b64encode(PIXEL)
        + b"\r\n\r\n--mimeboundary--\r\n"
    )
    judgement = judged(example)
    assert judgement.refusal is None
    assert warned_rules(judgement) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_rule_1_another_method_fails(method: str) -> None:
    assert answer_of(judged(method=method)) == (405, 15000)


def test_rule_1_url_parameters_are_a_warning() -> None:
    assert warned_rules(judged(query="priority=1")) == [1]


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer token",
        "Basic",
        "Basic !!!",
        _basic("no-colon"),
        _basic(":password"),
        _basic("account:"),
        "Basic /w==",
    ],
)
def test_rule_4_authentication_that_is_missing_or_malformed_is_15206(header: str | None) -> None:
    judgement = judged(Authorization=header)
    assert answer_of(judgement) == (401, 15206)
    assert failed_rules(judgement) == [4]


@pytest.mark.parametrize(("pair", "status"), [("acc:pw", 202), ("ACC:pw", 401), ("acc:PW", 401), ("acc:pw ", 401)])
def test_rule_4_a_given_account_is_compared_with_its_case(pair: str, status: int) -> None:
    policy = Policy(account_id="acc", password="pw")
    assert answer_of(judged(policy=policy, Authorization=_basic(pair)))[0] == status


def test_rule_4_a_password_may_hold_colons() -> None:
    assert judged(policy=Policy(account_id="a", password="b:c"), Authorization=_basic("a:b:c")).refusal is None


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "multipart/form-data; boundary=mimeboundary",
        "multipart/related; boundary=mimeboundary",
        "application/json",
        "multipart/mixed",
        "multipart/mixed; boundary=",
        'multipart/mixed; boundary="ends with a blank "',
        "multipart/mixed; boundary=" + 71 * "a",
        "multipart/mixed; boundary=other",
        "multipart/mixed boundary=mimeboundary",
    ],
)
def test_rule_5_another_content_type_or_boundary_is_a_400(content_type: str | None) -> None:
    judgement = judged(Content_Type=content_type)
    assert answer_of(judgement) == (400, 15000)
    assert failed_rules(judgement)[0] == 5


def test_rule_5_a_quoted_boundary_and_upper_case_are_fine() -> None:
    assert judged(Content_Type=f'Multipart/MIXED; Boundary="{BOUNDARY}"').refusal is None


def test_rule_5_a_body_without_its_closing_boundary_is_a_400() -> None:
    assert answer_of(judged(right_body().replace(b"--mimeboundary--\r\n", b""))) == (400, 15000)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"just text", b"--mimeboundary--\r\n"])
def test_rule_5_a_body_without_parts_is_a_400(body: bytes) -> None:
    assert answer_of(judged(body)) == (400, 15000)


def test_rule_5_bytes_outside_the_boundaries_are_a_warning() -> None:
    assert warned_rules(judged(b"a preamble\r\n\r\n" + right_body() + b"an epilogue")) == [5, 5]


@pytest.mark.parametrize(
    "first",
    [
        json_part(b"{"),
        json_part(b"[]"),
        json_part(b"\xef\xbb\xbf{}"),
        json_part(b'{"type": "MT", "type": "MT"}'),
        json_part(b'{"type": NaN}'),
        json_part('{"type": "MT", "subject": "é"}'.encode("latin-1")),
        json_part(b"[" * 100_000),
        TEXT,
    ],
)
def test_rule_6_a_first_part_that_is_no_json_object_is_a_400(first: bytes) -> None:
    judgement = judged(body_of(first, TEXT))
    assert answer_of(judgement) == (400, 15000)
    assert failed_rules(judgement) == [6]


def test_rule_6_the_json_must_stand_first() -> None:
    assert failed_rules(judged(body_of(TEXT, json_part()))) == [6]


def test_rule_6_another_content_id_than_main_is_a_warning() -> None:
    body = body_of(json_part().replace(b"main", b"details"), TEXT)
    assert warned_rules(judged(body)) == [6]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": ...}, 15100),
        ({"destination": ...}, 15101),
        ({"source": ...}, 15102),
        ({"mtConfig": ...}, 15105),
        ({"type": "MO"}, 15200),
        ({"type": None}, 15200),
        ({"type": 1}, 15200),
        ({"destination": "+12515550130"}, 15201),
        ({"destination": 12515550130}, 15201),
        ({"destination": ""}, 15201),
        ({"destination": "12"}, 15201),
        ({"destination": "1" * 20}, 15201),
        ({"destination": "1251555013x"}, 15201),
        ({"source": "+88600"}, 15202),
        ({"source": 88600}, 15202),
        ({"source": "ACME"}, 15202),
        ({"source": None}, 15202),
        ({"subject": ""}, 15203),
        ({"subject": " \t "}, 15203),
        ({"subject": "x" * 256}, 15203),
        ({"subject": 5}, 15203),
        ({"mobileOperatorId": "77"}, 15204),
        ({"mobileOperatorId": True}, 15204),
        ({"mobileOperatorId": 7.5}, 15204),
        ({"mobileOperatorId": -1}, 15204),
        ({"mtConfig": ""}, 15205),
        ({"mtConfig": 7}, 15205),
    ],
)
def test_each_field_has_its_code(changes: dict[str, Any], code: int) -> None:
    judgement = judged(body_of(json_part(**changes), TEXT))
    assert answer_of(judgement) == (403, code)
    assert judgement.refusal is not None
    assert judgement.refusal.description == CODES[code].description


def test_a_missing_field_is_named_before_a_wrong_one() -> None:
    assert answer_of(judged(body_of(json_part(type="MO", source=...), TEXT))) == (403, 15102)


def test_only_15102_has_a_status_that_the_page_shows() -> None:
    assert [code.number for code in CODES.values() if code.documented_status] == [15102]


def test_255_characters_of_subject_pass_and_81_are_a_warning() -> None:
    assert judged(body_of(json_part(subject="ü" * 255), TEXT)).refusal is None
    assert warned_rules(judged(body_of(json_part(subject="x" * 81), TEXT))) == [6]


def test_an_unknown_field_is_a_warning() -> None:
    assert warned_rules(judged(body_of(json_part(note="x"), TEXT))) == [6]


@pytest.mark.parametrize("which", [1, 2])
def test_rule_7_each_boundary_but_the_first_needs_its_blank_line(which: int) -> None:
    pieces = right_body().split(b"\r\n\r\n--mimeboundary")
    body = b"".join(
        piece
        + (b"" if number == len(pieces) else b"\r\n--mimeboundary" if number == which else b"\r\n\r\n--mimeboundary")
        for number, piece in enumerate(pieces, start=1)
    )
    judgement = judged(body)
    assert answer_of(judgement) == (400, 15000)
    assert judgement.refusal is not None
    assert judgement.refusal.documented_status
    assert failed_rules(judgement) == [7]


def test_rule_7_a_failure_explains_itself() -> None:
    judgement = judged(body_of(json_part(), TEXT, above=b"\r\n"))
    words = next(verdict.words for verdict in judgement.verdicts if verdict.result is Result.FAIL)
    assert "--blank-line mime" in words


def test_rule_7_is_a_warning_in_mime_mode() -> None:
    judgement = judged(body_of(json_part(), TEXT, above=b"\r\n"), policy=Policy("mime"))
    assert judgement.refusal is None
    assert warned_rules(judgement) == [7]


def test_rule_7_an_empty_line_before_the_first_boundary_is_fine() -> None:
    assert judged(b"\r\n" + right_body()).refusal is None


def test_rule_7_bare_line_feeds_are_a_400() -> None:
    assert answer_of(judged(right_body().replace(b"\r\n", b"\n"))) == (400, 15000)


@pytest.mark.parametrize("parts", [(), (TEXT.replace(b"This is my text.", b""),)])
def test_rule_8_no_content_is_a_400(parts: tuple[bytes, ...]) -> None:
    judgement = judged(body_of(json_part(), *parts))
    assert failed_rules(judgement) == [8]
    assert answer_of(judgement) == (400, 15000)


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: text/plain; charset=utf-8\r\nThis text has no blank line above it",
        b"Content-Type text/plain\r\n\r\nno colon",
        TEXT.replace(b"\r\n\r\n", b"\n\n"),
        image_part(data=b"%%% no base64 %%%"),
        image_part(data=b"abc"),
        image_part(encoding="rot13"),
        TEXT.replace(b"text/plain; charset=utf-8", b'"text/plain; charset=utf-8"'),
        b"Content-Type: text/plain\r\nContent-Type: image/png\r\nContent-Id: a\r\n\r\nx",
    ],
)
def test_rule_9_broken_part_headers_and_encodings_are_a_400(part: bytes) -> None:
    judgement = judged(body_of(json_part(), TEXT.replace(b"example", b"first"), part))
    assert 9 in failed_rules(judgement)
    assert answer_of(judgement) == (400, 15000)


def test_rule_9_missing_headers_are_never_a_refusal() -> None:
    judgement = judged(body_of(json_part(), b"\r\njust a body"))
    assert judgement.refusal is None
    assert 9 in warned_rules(judgement)


def test_rule_9_a_binary_body_before_a_blank_line_is_a_warning() -> None:
    judgement = judged(body_of(json_part(), image_part(encoding="", data=PIXEL)))
    assert judgement.refusal is None
    assert warned_rules(judgement) == [9]


def test_rule_9_quoted_printable_and_folded_headers_are_read() -> None:
    part = (
        b"Content-Type: text/plain;\r\n charset=utf-8\r\nContent-Id: a\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nf=C3=BCr"
    )
    judgement = judged(body_of(json_part(), part))
    assert warned_rules(judgement) == []
    assert judgement.contents[0].text == "für"


@pytest.mark.parametrize("name", ["<photo>", "my photo", "photo_1", "größe", "a-name-of-20-letters"])
def test_rule_10_is_advice_and_never_refuses(name: str) -> None:
    judgement = judged(body_of(json_part(), TEXT.replace(b"example.txt", name.encode())))
    assert judgement.refusal is None
    assert warned_rules(judgement) == [10]


def test_rule_10_two_parts_of_one_name_are_a_warning() -> None:
    assert warned_rules(judged(body_of(json_part(), TEXT, TEXT))) == [10]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/a.jpg",
        "ftp://example.org/a",
        "https://",
        "https://e.org/a b",
        "https://e.org/a\r\nhttps://e.org/b",
        "https://e.org:0x/",
        "https://é.org/",
    ],
)
def test_rule_11_a_link_that_is_no_url_is_a_400(url: str) -> None:
    judgement = judged(body_of(json_part(), link_part(url), TEXT))
    assert failed_rules(judgement) == [11]
    assert answer_of(judgement) == (400, 15000)


def test_rule_11_the_links_type_is_read_in_any_case() -> None:
    part = link_part("http://e.org/a?b=c&d=%20").replace(b"remoteContent", b"REMOTECONTENT")
    assert [content.url for content in judged(body_of(json_part(), part)).contents] == ["http://e.org/a?b=c&d=%20"]


@pytest.mark.parametrize("kind", [b"text/plain", b"text/plain; charset=latin-1", b"text/plain; charset=base64"])
def test_rule_12_another_charset_is_a_warning(kind: bytes) -> None:
    judgement = judged(body_of(json_part(), TEXT.replace(b"text/plain; charset=utf-8", kind)))
    assert warned_rules(judgement) == [12]
    assert judgement.contents[0].text == "This is my text."


def test_rule_12_text_that_is_not_utf_8_is_a_warning() -> None:
    assert warned_rules(judged(body_of(json_part(), TEXT + b"\xff"))) == [12]


@pytest.mark.parametrize("several", ["12515550130,12515550131", "12515550130 12515550131", ["12515550130"]])
def test_rule_13_several_recipients_are_15201(several: Any) -> None:
    judgement = judged(body_of(json_part(destination=several), TEXT))
    assert failed_rules(judgement) == [13]
    assert answer_of(judgement) == (403, 15201)


@pytest.mark.parametrize(
    ("number", "result"),
    [
        ("12515550130", Result.PASS),
        ("15552345678", Result.WARNING),
        ("12024561111", Result.PASS),
        ("447400123456", Result.PASS),
        ("353861234567", Result.PASS),
        ("61412345678", Result.PASS),
        ("10000871000", Result.PASS),
        ("14164161111", Result.FAIL),
        ("447797712345", Result.FAIL),
        ("4915112345678", Result.FAIL),
        ("18765551234", Result.FAIL),
        ("9991234567890", Result.FAIL),
    ],
)
def test_rule_14_is_decided_by_region(number: str, result: Result) -> None:
    judgement = judged(right_body(number))
    assert [verdict.result for verdict in judgement.verdicts if verdict.rule == 14] == [result]
    assert answer_of(judgement) == ((403, 15201) if result is Result.FAIL else (202, 0))


def test_authentication_is_judged_before_the_body() -> None:
    assert answer_of(judged(b"nothing", Authorization=None)) == (401, 15206)


@given(st.binary(max_size=400), st.sampled_from(["strict", "mime"]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_judge(noise: bytes, mode: Any) -> None:
    for body in (
        noise,
        body_of(noise),
        body_of(json_part(), noise),
        body_of(json_part(noise), TEXT),
        right_body() + noise,
    ):
        judgement = judged(body, policy=Policy(mode))
        assert {verdict.rule for verdict in judgement.verdicts} == set(range(1, 15))


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_header_breaks_the_judge(value: str) -> None:
    assert judged(Content_Type=value).refusal is not None
    assert judged(Authorization=value).refusal is not None
    assert judged(Authorization=value).account_id == ""


def test_the_headers_of_these_tests_are_the_pages() -> None:
    assert HEADERS["Content-Type"] == "multipart/mixed; boundary=mimeboundary"


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert failed_rules(judged(body_of(json_part(b'{"subject": "\\ud83d"}'), TEXT))) == [6]


def test_a_request_costs_no_more_than_a_phone_could_show() -> None:
    many = judged(body_of(json_part(), *[TEXT] * 5000))
    assert answer_of(many) == (400, 15000)
    assert len(many.contents) <= 101
    long_json = json_part(b'{"x": "' + b"x" * 100_000 + b'"}')
    assert failed_rules(judged(body_of(long_json, TEXT))) == [6]
    assert 9 in failed_rules(judged(body_of(json_part(), b"A: b\r\n" * 50_000)))
    fields: dict[str, Any] = {f"field{number}": number for number in range(2000)}
    assert len(judged(body_of(json_part(**fields), TEXT)).verdicts) < 40
