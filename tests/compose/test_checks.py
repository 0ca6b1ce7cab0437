"""What may be in a message."""

import pytest

from app.compose.checks import advise_message, check_parts, check_sender, check_subject
from app.errors import InvalidMessage
from app.model.messages import EmbeddedPart, LinkPart, SendablePart, TextPart


@pytest.mark.parametrize("subject", ["", "a", "x" * 255, "Zürich \N{WAVING HAND SIGN}", " a "])
def test_a_sendable_subject_passes(subject: str) -> None:
    check_subject(subject)


@pytest.mark.parametrize(
    "subject", [" ", "\t\u00a0", "x" * 256, "a\nb", "a\rb", "a\x00b", "a\u2028b", "\ud800", "a\x85b"]
)
def test_a_subject_that_openmarket_would_refuse_is_refused(subject: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_subject(subject)
    assert caught.value.facts == {"field": "subject"}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [TextPart("")],
        [TextPart(" \n")],
        [TextPart("a\x00")],
        [TextPart("a\x1b[2J")],
        [TextPart("\udc00")],
        [TextPart("x" * 5_001)],
        [TextPart("x" * 3_000), TextPart("x" * 3_000)],
        [TextPart("a")] * 21,
        [LinkPart("ftp://example.com/a", "image/png", 1)],
        [LinkPart("/m/a.png", "image/png", 1)],
        [LinkPart("https://[::1", "image/png", 1)],
        [LinkPart("https://example.com/a b", "image/png", 1)],
        [LinkPart("https://example.com/a\r\nX: y", "image/png", 1)],
        [LinkPart("https://example.com/ü", "image/png", 1)],
        [LinkPart("https://example.com/a", "image/png", 0)],
        [EmbeddedPart(b"", "image/png")],
        [EmbeddedPart(b"a", "image/png\r\nX: y")],
        [EmbeddedPart(b"a", "picture")],
    ],
)
def test_parts_that_cannot_be_sent_are_refused(parts: list[SendablePart]) -> None:
    with pytest.raises(InvalidMessage):
        check_parts(parts)


def test_text_may_hold_line_breaks_tabs_and_emoji() -> None:
    check_parts([TextPart("one\n\ttwo\r\n\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-3}")])


@pytest.mark.parametrize(
    ("source", "mt_config"),
    [("", "c"), ("+88600", "c"), ("88600", ""), ("88600", " "), ("88600", "a\nb"), ("12", "c"), ("٣٤٥", "c")],
)
def test_a_sender_that_openmarket_would_refuse_is_refused(source: str, mt_config: str) -> None:
    with pytest.raises(InvalidMessage):
        check_sender(source, mt_config)


def test_advice_is_given_for_a_long_subject_and_a_long_text() -> None:
    assert advise_message([TextPart("a")], subject="s" * 80) == ()
    assert len(advise_message([TextPart("a" * 1_601)], subject="s" * 81)) == 2
