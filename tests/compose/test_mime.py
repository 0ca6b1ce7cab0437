"""The bytes of one request: a golden file, an independent reader, and each rule by itself."""

import json
import re
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compose.mime import Composed, check_fits, compose_message
from app.errors import InvalidMessage, MessageTooLarge
from app.model.media import Profile
from app.model.messages import EmbeddedPart, LinkPart, SendablePart, TextPart

GOLDEN = Path(__file__).parent / "golden" / "request.bin"
LINK = LinkPart("https://media.example.com/m/0a1b2c.jpg", "image/jpeg", 280_000)
PNG = EmbeddedPart(bytes(range(256)) * 3, "image/png")
CARD = EmbeddedPart(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Postcard\r\nEND:VCARD\r\n", "text/x-vcard; charset=utf-8")
ALL = (LINK, TextPart("Grüße aus Cork!\nSee you \N{WAVING HAND SIGN}"), PNG, CARD)


def compose(*parts: SendablePart, subject: str = "", mt_config: str = "config1") -> Composed:
    return compose_message(parts or ALL, subject=subject, source="88600", mt_config=mt_config)


def read_back(composed: Composed, body: bytes) -> list[EmailMessage]:
    """Read the request as Python's email package does, which knows nothing of how it was written."""
    whole = b"MIME-Version: 1.0\r\nContent-Type: " + composed.content_type.encode() + b"\r\n\r\n" + body
    message = message_from_bytes(whole, policy=policy.HTTP)
    assert isinstance(message, EmailMessage)
    assert message.get_content_type() == "multipart/mixed"
    assert not message.defects
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def test_one_request_is_the_golden_file_byte_for_byte() -> None:
    composed = compose(subject="Example MMS")
    assert (
        b"Content-Type: " + composed.content_type.encode() + b"\r\n\r\n" + composed.body_for("12515550130", 77)
        == GOLDEN.read_bytes()
    )


_LINKED = b"Content-Type: application/vnd.openmarket.remoteContent\r\nContent-Id: "
_HOSTED = "https://media.example.com/m/0a1b2c"


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (TextPart("Hi\nyou"), b"Content-Type: text/plain; charset=utf-8\r\nContent-Id: text1\r\n\r\nHi\r\nyou"),
        (LinkPart(f"{_HOSTED}.jpg", "image/jpeg", 1), _LINKED + f"image1\r\n\r\n{_HOSTED}.jpg".encode()),
        (LinkPart(f"{_HOSTED}.mp4", "video/mp4", 1), _LINKED + f"video1\r\n\r\n{_HOSTED}.mp4".encode()),
        (LinkPart(f"{_HOSTED}.amr", "audio/amr", 1), _LINKED + f"audio1\r\n\r\n{_HOSTED}.amr".encode()),
        (LinkPart(f"{_HOSTED}.vcf", "text/x-vcard", 1), _LINKED + f"contact1.vcf\r\n\r\n{_HOSTED}.vcf".encode()),
        (
            EmbeddedPart(b"\xff\xd8\xff" * 20, "image/jpeg"),
            b"Content-Type: image/jpeg\r\nContent-Id: image1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + b"/9j/" * 19
            + b"\r\n/9j/",
        ),
        (
            EmbeddedPart(b"#!AMR\n", "audio/amr"),
            b"Content-Type: audio/amr\r\nContent-Id: audio1\r\nContent-Transfer-Encoding: base64\r\n\r\nIyFBTVIK",
        ),
        (
            EmbeddedPart(b"\0\0\0\x18ftyp", "video/3gpp"),
            b"Content-Type: video/3gpp\r\nContent-Id: video1\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAAGGZ0eXA=",
        ),
        (
            EmbeddedPart(b"BEGIN:VCARD\r\n", "text/vcard"),
            b"Content-Type: text/vcard\r\nContent-Id: contact1.vcf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"QkVHSU46VkNBUkQNCg==",
        ),
    ],
)
def test_each_kind_of_part_is_written_byte_for_byte(part: SendablePart, block: bytes) -> None:
    composed = compose(part)
    line = b"--" + composed.content_type.removeprefix("multipart/mixed; boundary=").encode()
    assert composed.body_for("447700900765", None) == (
        line
        + b"\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n"
        + b'{"type":"MT","source":"88600","destination":"447700900765","mtConfig":"config1"}\r\n\r\n'
        + line
        + b"\r\n"
        + block
        + b"\r\n\r\n"
        + line
        + b"--\r\n"
    )


def test_an_independent_reader_finds_every_part_as_it_was_given() -> None:
    composed = compose(subject="Example MMS")
    details, link, text, image, card = read_back(composed, composed.body_for("12515550130", 77))
    assert json.loads(details.get_content()) == {
        "type": "MT",
        "source": "88600",
        "destination": "12515550130",
        "mtConfig": "config1",
        "subject": "Example MMS",
        "mobileOperatorId": 77,
    }
    assert details.get_content_type() == "application/json"
    assert link.get_content_type() == "application/vnd.openmarket.remotecontent"
    assert link.get_content().decode() == LINK.url + "\r\n"
    assert text.get_content() == "Grüße aus Cork!\r\nSee you \N{WAVING HAND SIGN}\r\n"
    assert image.get_content() == PNG.content
    assert card.get_payload(decode=True) == CARD.content
    assert [part["Content-Id"] for part in (details, link, text, image, card)] == [
        "main",
        "image1",
        "text2",
        "image3",
        "contact4.vcf",
    ]


def test_a_blank_line_stands_above_every_boundary_but_the_first() -> None:
    composed = compose()
    body = composed.body_for("12515550130", None)
    line = b"--" + composed.content_type.split("boundary=")[1].encode()
    assert body.startswith(line)
    assert body.count(line) == len(ALL) + 2
    assert body.count(b"\r\n\r\n" + line) == len(ALL) + 1
    assert body.endswith(b"\r\n\r\n" + line + b"--\r\n")


def test_every_line_ends_with_crlf() -> None:
    body = compose(TextPart("one\ntwo\rthree\r\nfour")).body_for("12515550130", None)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", body)
    assert b"one\r\ntwo\r\nthree\r\nfour\r\n" in body


def test_headers_are_written_as_the_page_shows_them() -> None:
    body = compose().body_for("12515550130", None)
    assert b"\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n{" in body
    assert b"\r\nContent-Type: application/vnd.openmarket.remoteContent\r\nContent-Id: image1\r\n\r\nhttps://" in body
    assert b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Id: text2\r\n\r\n" in body
    assert b"\r\nContent-Type: image/png\r\nContent-Id: image3\r\nContent-Transfer-Encoding: base64\r\n\r\n" in body


def test_content_ids_are_short_and_unique() -> None:
    parts: list[SendablePart] = [LINK, TextPart("a"), PNG, EmbeddedPart(b"x", "application/x-odd")]
    body = compose(*parts * 5).body_for("12515550130", None)
    ids = re.findall(rb"Content-Id: (.*)\r\n", body)
    assert len(set(ids)) == len(ids) == 21
    assert all(re.fullmatch(rb"[A-Za-z0-9]{1,19}", each) for each in ids)


def test_what_is_not_given_is_not_in_the_json() -> None:
    composed = compose()
    details = json.loads(read_back(composed, composed.body_for("12515550130", None))[0].get_content())
    assert set(details) == {"type", "source", "destination", "mtConfig"}


def test_quotes_and_other_scripts_survive_in_the_json() -> None:
    composed = compose(subject='He said "hi" \\ 日本 \N{WAVING HAND SIGN}', mt_config='con"fig')
    details = json.loads(read_back(composed, composed.body_for("447700900750", 383))[0].get_content())
    assert details["subject"] == 'He said "hi" \\ 日本 \N{WAVING HAND SIGN}'
    assert details["mtConfig"] == 'con"fig'


def test_only_the_json_differs_between_recipients() -> None:
    composed = compose()
    one, other = composed.body_for("12515550130", None), composed.body_for("447700900750", 383)
    assert (
        one.replace(b"12515550130", b"447700900750").replace(b'"config1"', b'"config1","mobileOperatorId":383') == other
    )


def test_the_same_message_has_the_same_bytes_each_time() -> None:
    assert compose() == compose()
    assert compose(TextPart("a")).content_type != compose(TextPart("b")).content_type


def test_a_destination_that_is_not_digits_is_refused() -> None:
    for bad in ('1","x":"', "", "+12515550130", "١٢٣٤٥٦٧٨"):
        with pytest.raises(InvalidMessage):
            compose().body_for(bad, None)


def test_the_size_counts_what_is_linked_and_embedded_media_before_base64() -> None:
    bare = compose(TextPart("a")).message_bytes
    linked = compose(TextPart("a"), LINK).message_bytes
    embedded = compose(TextPart("a"), PNG).message_bytes
    assert 280_000 < linked - bare < 280_200
    assert len(PNG.content) < embedded - bare < len(PNG.content) + 200


def test_the_size_is_an_upper_bound_for_every_recipient() -> None:
    composed = compose(TextPart("a"), subject="s")
    assert len(composed.body_for("999999999999999", 2**31 - 1)) == composed.message_bytes
    assert len(composed.body_for("12515550130", None)) < composed.message_bytes


def test_a_message_over_its_profile_is_refused_with_both_figures() -> None:
    composed = compose()
    exact = Profile("universal", composed.message_bytes, 1920, "", "", date(2026, 1, 1))
    check_fits(composed, exact)
    with pytest.raises(MessageTooLarge) as caught:
        check_fits(composed, Profile("universal", composed.message_bytes - 1, 1920, "", "", date(2026, 1, 1)))
    assert caught.value.facts["limit_bytes"] == composed.message_bytes - 1
    assert caught.value.facts["message_bytes"] == composed.message_bytes


texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=200).filter(
    str.strip
)


@given(
    st.lists(
        st.one_of(
            texts.map(TextPart), st.binary(min_size=1, max_size=300).map(lambda raw: EmbeddedPart(raw, "image/gif"))
        ),
        min_size=1,
        max_size=5,
    ),
    texts,
)
def test_whatever_is_composed_is_read_back_the_same(parts: list[SendablePart], subject: str) -> None:
    composed = compose(*parts, subject=subject)
    details, *content = read_back(composed, composed.body_for("12515550130", None))
    assert json.loads(details.get_content())["subject"] == subject
    assert len(content) == len(parts)
    for part, read in zip(parts, content, strict=True):
        raw = read.get_payload(decode=True)
        assert raw == (part.text.encode() + b"\r\n" if isinstance(part, TextPart) else getattr(part, "content", None))
