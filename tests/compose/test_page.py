"""The page about the bytes of one request shows the bytes of the golden file."""

from pathlib import Path

from tests.compose.test_mime import GOLDEN, compose

PAGE = Path(__file__).parents[2] / "docs" / "request-bytes.md"


def test_the_page_shows_the_golden_file() -> None:
    golden = GOLDEN.read_bytes().decode().replace("\r\n", "\n").rstrip("\n")
    before, _, after = PAGE.read_text().partition("\n...\n")
    beginning = before[before.index("Content-Type: multipart/mixed") :]
    end = after[: after.index("\n```")]
    assert golden.startswith(beginning)
    assert golden.endswith(end)


def test_the_page_shows_the_length_of_that_body() -> None:
    body = compose(subject="Example MMS").body_for("12515550130", 77)
    assert f"Content-Length: {len(body)}\n" in PAGE.read_text()
