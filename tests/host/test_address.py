"""Addresses: made of bytes alone, and readable back."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MediaUnsupported, RecordsInconsistent
from app.host.address import EXTENSIONS, key_of, sha256_of_key, shown_name

SHA256 = "ab" * 32


@given(st.binary(), st.sampled_from(sorted(EXTENSIONS)), st.sampled_from(["m/", "originals/", "a/b/"]))
def test_a_key_names_its_bytes_and_tells_them_back(content: bytes, content_type: str, prefix: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    key = key_of(digest, content_type, prefix=prefix)
    assert key == f"{prefix}{digest}.{EXTENSIONS[content_type]}"
    assert sha256_of_key(key) == digest


def test_parameters_and_case_of_a_type_do_not_change_the_address() -> None:
    plain = key_of(SHA256, "text/vcard", prefix="m/")
    assert key_of(SHA256, "Text/vCard; charset=utf-8", prefix="m/") == plain


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/zip", "", "jpg"])
def test_a_type_that_is_not_in_the_table_has_no_address(content_type: str) -> None:
    with pytest.raises(MediaUnsupported):
        key_of(SHA256, content_type, prefix="m/")


@pytest.mark.parametrize("sha256", ["", "AB" * 32, "ab" * 31, "../" + "ab" * 32, "ab" * 33])
def test_what_is_no_sha_256_makes_no_address(sha256: str) -> None:
    with pytest.raises(RecordsInconsistent):
        key_of(sha256, "image/jpeg", prefix="m/")


@pytest.mark.parametrize("key", ["", "m/", f"m/{SHA256}", f"m/{SHA256}.", "m/cat.jpg", f"m/{SHA256}.jpg/x"])
def test_what_is_no_address_is_not_read_as_one(key: str) -> None:
    with pytest.raises(RecordsInconsistent):
        sha256_of_key(key)


def test_a_handset_is_shown_a_short_name_and_never_the_uploaders() -> None:
    assert shown_name(f"m/{SHA256}.jpg") == "abababababab.jpg"


def test_every_extension_can_stand_in_a_key() -> None:
    for content_type in EXTENSIONS:
        assert sha256_of_key(key_of(SHA256, content_type, prefix="m/")) == SHA256
