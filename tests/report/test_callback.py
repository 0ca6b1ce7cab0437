"""Whatever is posted is read or kept; nothing raises."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.messages import Inbound, InboundPart, Report
from app.report.callback import Unreadable, parse_callback

REPORT = {
    "type": "REPORT",
    "mtId": "123456789012345",
    "date": "2014-07-16T19:20:30+00:00",
    "status": "Rejected",
    "outcomeId": 9,
    "outcomeDescription": "Recipient not found on mobile operator",
    "userAgent": "HTC One",
}
MO = {
    "type": "MO",
    "moId": 9_007_199_254_740_993,
    "source": "+12515550130",
    "destinations": ["88600"],
    "ccs": [],
    "date": "2014-07-16T19:20:30Z",
    "mobileOperatorId": 77,
    "subject": "Hello",
    "userAgent": "HTC One",
}


def read_report(**changed: Any) -> Report:
    found = parse_callback(json.dumps(REPORT | changed).encode(), "application/json", "r-1")
    assert isinstance(found, Report)
    return found


def multipart(*parts: bytes, boundary: bytes = b"b1") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def details(**changed: Any) -> bytes:
    return b"Content-Type: application/json\r\nContent-Id: main\r\n\r\n" + json.dumps(MO | changed).encode()


def read_inbound(*parts: bytes, content_type: str = "multipart/mixed; boundary=b1", **changed: Any) -> Inbound:
    found = parse_callback(multipart(details(**changed), *parts), content_type, "r-1")
    assert isinstance(found, Inbound)
    return found


def test_a_report_is_read_as_the_page_shows_it() -> None:
    assert read_report(newField={"a": [1]}) == Report(
        mt_id="123456789012345",
        status="Rejected",
        outcome_id=9,
        description="Recipient not found on mobile operator",
        user_agent="HTC One",
        reported_at=datetime(2014, 7, 16, 19, 20, 30, tzinfo=UTC),
        request_id="r-1",
        raw=REPORT | {"newField": {"a": [1]}},
    )


@pytest.mark.parametrize(
    ("mt_id", "text"),
    [
        (123456789012345, "123456789012345"),
        (2**63 - 1, "9223372036854775807"),
        (10**30, "1" + "0" * 30),
        (" 12 ", "12"),
    ],
)
def test_an_mt_id_is_text_whatever_its_type_and_size(mt_id: object, text: str) -> None:
    assert read_report(mtId=mt_id).mt_id == text


def test_an_unknown_status_and_outcome_are_kept_as_they_came() -> None:
    report = read_report(status="Teleported", outcomeId="4711")
    assert (report.status, report.outcome_id) == ("Teleported", 4711)


@pytest.mark.parametrize("outcome", [None, "nine", 9.5, True, 2**80, [], "²"])
def test_an_outcome_that_is_no_number_is_none(outcome: object) -> None:
    assert read_report(outcomeId=outcome).outcome_id is None


@pytest.mark.parametrize("date", [None, "yesterday", 5, "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_date_that_is_no_time_is_none(date: object) -> None:
    assert read_report(date=date).reported_at is None


def test_a_date_without_a_zone_is_utc_and_others_are_converted() -> None:
    assert read_report(date="2014-07-16T19:20:30").reported_at == datetime(2014, 7, 16, 19, 20, 30, tzinfo=UTC)
    assert read_report(date="2014-07-16T19:20:30+02:00").reported_at == datetime(2014, 7, 16, 17, 20, 30, tzinfo=UTC)


def test_a_report_is_recognised_whatever_its_content_type_says() -> None:
    for content_type in ("", "text/plain", "multipart/mixed; boundary=x", "application/json; charset=utf-8"):
        assert isinstance(parse_callback(json.dumps(REPORT).encode(), content_type, ""), Report)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \r\n",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"<html>",
        b"{}",
        b'{"type": "REPORT"}',
        b'{"type": "REPORT", "mtId": 1.5}',
        b'{"type": "REPORT", "mtId": true}',
        b'{"type": "REPORT", "mtId": ""}',
        b'{"type": "OTHER", "mtId": "1"}',
        b'{"type": "MO"}',
        b'{"type": "REPORT", "mtId": "1", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"[" * 100_000,
        b'{"mtId": ' + b"1" * 5_000 + b"}",
        b"\xff\xfe",
        b"--",
        b"--\r\n\r\n----",
        b"--b1\r\n\r\nnot json\r\n--b1--",
    ],
)
def test_what_is_malformed_is_kept_with_a_reason(body: bytes) -> None:
    found = parse_callback(body, "application/json", "r-1")
    assert isinstance(found, Unreadable)
    assert found.raw == body
    assert found.reason
    assert found.request_id == "r-1"


def test_what_no_database_takes_is_replaced() -> None:
    report = read_report(status="a\x00b", x=["\ud800", {"k\x00": 1e308 * 10}])
    assert report.status == "a\ufffdb"
    assert report.raw["x"] == ["?", {"k\ufffd": "Infinity"}]
    json.dumps(report.raw, allow_nan=False).encode()


def test_an_inbound_message_is_read_with_its_parts_decoded() -> None:
    picture = bytes(range(256))
    inbound = read_inbound(
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Id: <t1>\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
        + base64.encodebytes("Grüße".encode()),
        b"Content-Type: image/png\r\nContent-Id: p.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(picture),
    )
    assert inbound == Inbound(
        mo_id="9007199254740993",
        source="12515550130",
        destinations=("88600",),
        sent_at=datetime(2014, 7, 16, 19, 20, 30, tzinfo=UTC),
        operator_id=77,
        subject="Hello",
        user_agent="HTC One",
        text="Grüße",
        parts=(InboundPart("text/plain", "t1", "Grüße".encode()), InboundPart("image/png", "p.png", picture)),
        raw=MO,
    )


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        (b"", b"caf\xc3\xa9 \xe2\x9c\x93"),
        (b"Content-Transfer-Encoding: binary\r\n", b"caf\xc3\xa9 \xe2\x9c\x93"),
        (b"Content-Transfer-Encoding: 8bit\r\n", b"caf\xc3\xa9 \xe2\x9c\x93"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", b"caf=C3=A9 =E2=9C=93"),
        (b"Content-Transfer-Encoding: Base64\r\n", b"Y2Fmw6kg4pyT"),
    ],
)
def test_each_part_is_decoded_by_its_own_encoding(encoding: bytes, wire: bytes) -> None:
    assert read_inbound(b"Content-Type: text/plain; charset=utf-8\r\n" + encoding + b"\r\n" + wire).text == "café ✓"


@pytest.mark.parametrize("charset", ["nonsense", "rot13", "hex", "\x00"])
def test_a_charset_that_does_not_exist_is_read_as_utf8(charset: str) -> None:
    part = b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\nhello"
    assert read_inbound(part).text == "hello"


def test_a_boundary_is_found_in_the_body_when_the_header_lost_it() -> None:
    for content_type in ("", "application/octet-stream", "multipart/mixed", "multipart/mixed; boundary=b1\r\nX: y"):
        assert read_inbound(b"Content-Type: text/plain\r\n\r\nhi", content_type=content_type).text == "hi"


def test_a_report_may_come_as_multipart() -> None:
    body = multipart(b"Content-Type: application/json\r\n\r\n" + json.dumps(REPORT).encode())
    assert isinstance(parse_callback(body, "multipart/mixed; boundary=b1", ""), Report)


def test_one_destination_need_not_be_a_list() -> None:
    assert read_inbound(destinations="88600").destinations == ("88600",)
    assert read_inbound(destinations=[88600, None, "+44"]).destinations == ("88600", "+44")


@given(st.binary(max_size=2_000))
def test_a_binary_part_keeps_every_byte(content: bytes) -> None:
    if b"\n--b1" in content or b"\r--b1" in content or content.startswith(b"--b1"):
        return
    part = b"Content-Type: image/gif\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content
    assert read_inbound(part).parts[0].content == content


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from([*REPORT, *MO, "bccs", "other"])


@given(st.binary(max_size=500), st.text(max_size=60), st.text(max_size=20))
def test_any_bytes_are_read_or_kept(body: bytes, content_type: str, request_id: str) -> None:
    assert isinstance(parse_callback(body, content_type, request_id), Report | Inbound | Unreadable)


@given(st.dictionaries(field_names, json_values), st.sampled_from(["REPORT", "MO"]))
def test_any_json_is_read_or_kept_and_can_be_stored(fields: dict[str, Any], kind: str) -> None:
    found = parse_callback(json.dumps(fields | {"type": kind}).encode(), "application/json", "")
    if not isinstance(found, Unreadable):
        assert "\\u0000" not in json.dumps(found.raw, allow_nan=False)


@given(st.lists(st.binary(max_size=100), max_size=4), st.text(max_size=40))
def test_any_multipart_is_read_or_kept(parts: list[bytes], content_type: str) -> None:
    body = multipart(details(), *parts)
    assert isinstance(parse_callback(body, content_type, ""), Inbound | Unreadable)
    assert isinstance(parse_callback(body, "multipart/mixed; boundary=b1", ""), Inbound | Unreadable)
