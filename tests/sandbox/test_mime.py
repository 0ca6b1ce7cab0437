"""The multipart parser, against bytes made by hand and against another parser."""

from email import message_from_bytes
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sandbox.mime import is_boundary, parse_media_type, split_multipart

PARTS = st.lists(st.binary(max_size=60).filter(lambda content: b"--frontier" not in content), min_size=1, max_size=4)


def _joined(contents: list[bytes], above: bytes) -> bytes:
    line = b"--frontier"
    return (
        b"".join(line + b"\r\nContent-Type: image/png\r\n\r\n" + each + above for each in contents) + line + b"--\r\n"
    )


@given(PARTS)
def test_content_comes_out_as_it_went_in(contents: list[bytes]) -> None:
    multipart = split_multipart(_joined(contents, b"\r\n"), "frontier")
    assert [part.content for part in multipart.parts] == contents
    assert multipart.closed
    assert multipart.epilogue == b""


@given(PARTS)
def test_the_blank_line_is_seen_and_stays_in_the_content(contents: list[bytes]) -> None:
    multipart = split_multipart(_joined(contents, b"\r\n\r\n"), "frontier")
    assert [part.content for part in multipart.parts] == [content + b"\r\n" for content in contents]
    assert all(delimiter.blank_line_above for delimiter in multipart.delimiters)


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), min_size=1, max_size=4))
def test_another_parser_reads_the_same(texts: list[str]) -> None:
    contents = [text.encode() for text in texts if "--frontier" not in text] or [b"x"]
    body = _joined(contents, b"\r\n")
    other = message_from_bytes(b'Content-Type: multipart/mixed; boundary="frontier"\r\n\r\n' + body, policy=HTTP)
    read = [part.get_payload(decode=True) for part in other.iter_parts()]
    assert read == [part.content for part in split_multipart(body, "frontier").parts]


def test_a_longer_word_that_begins_like_the_boundary_is_content() -> None:
    body = b"--b\r\n\r\n--bc\r\nx --b\r\n--b--\r\n"
    assert [part.content for part in split_multipart(body, "b").parts] == [b"--bc\r\nx --b"]


def test_blanks_behind_a_boundary_are_padding() -> None:
    multipart = split_multipart(b"--b \t\r\n\r\nx\r\n--b--  \r\n", "b")
    assert [part.content for part in multipart.parts] == [b"x"]
    assert multipart.closed


def test_nothing_is_read_after_the_closing_boundary() -> None:
    multipart = split_multipart(b"--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n--b--", "b")
    assert len(multipart.parts) == 1
    assert multipart.epilogue == b"--b\r\n\r\ny\r\n--b--"


def test_a_body_that_ends_early_gives_what_is_there() -> None:
    multipart = split_multipart(b"--b\r\nContent-Id: a\r\n\r\nhalf a sen", "b")
    assert (multipart.parts[0].content, multipart.closed) == (b"half a sen", False)


def test_bare_line_feeds_are_seen() -> None:
    multipart = split_multipart(b"--b\n\nx\n--b--\n", "b")
    assert [delimiter.bare_line_feed for delimiter in multipart.delimiters] == [True, True]


@pytest.mark.parametrize(
    ("boundary", "allowed"),
    [
        ("b", True),
        ("b" * 70, True),
        ("b" * 71, False),
        ("", False),
        ("b ", False),
        ("a b", True),
        ("a;b", False),
        ("é", False),
    ],
)
def test_boundaries_are_those_of_rfc_2046(boundary: str, allowed: bool) -> None:
    assert is_boundary(boundary) is allowed


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        ('TEXT/Plain; Charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        ('a/b; c="d\\"e;f"; g=h', "a/b", {"c": 'd"e;f', "g": "h"}),
        ("a/b;", "a/b", {}),
        ("a/b; c", "", {}),
        ("a/b c=d", "", {}),
        ('"a/b"', "", {}),
        ("text", "", {}),
    ],
)
def test_media_types_are_read(value: str, kind: str, parameters: dict[str, str]) -> None:
    read = parse_media_type(value)
    assert (read.type, read.parameters) == (kind, parameters)
