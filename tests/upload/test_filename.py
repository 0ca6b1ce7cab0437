import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upload.filename import MAX_CHARACTERS, clean_filename


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Desktop\\Summer Sale.PNG", "Summer Sale.PNG"),
        ("a\x00b\r\nc\t\x1b[31m.jpg", "abc[31m.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("Cafe\u0301.jpg", "Café.jpg"),
        ("  many   spaces .gif ", "many spaces .gif"),
        ("", "upload"),
        ("/", "upload"),
        ("..", "upload"),
        ("\x00\x01", "upload"),
        (".jpg", ".jpg"),
    ],
)
def test_a_file_name_is_cleaned_for_display(given_name: str, shown: str) -> None:
    assert clean_filename(given_name) == shown


def test_a_long_name_keeps_its_extension() -> None:
    shown = clean_filename("x" * 300 + ".jpeg")
    assert len(shown) == MAX_CHARACTERS
    assert shown.endswith("x….jpeg")


def test_what_looks_like_a_very_long_extension_is_not_kept() -> None:
    assert len(clean_filename("a." + "b" * 300)) == MAX_CHARACTERS


@given(st.text(max_size=400))
def test_no_name_is_a_path_or_holds_control_characters_or_is_too_long(name: str) -> None:
    shown = clean_filename(name)
    assert 1 <= len(shown) <= MAX_CHARACTERS
    assert not set(shown) & set("/\\\r\n\t\x00")
    assert not any(unicodedata.category(each) in {"Cc", "Cf"} for each in shown)
    assert shown not in {".", ".."}
    assert unicodedata.is_normalized("NFC", shown)
