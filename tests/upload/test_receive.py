import hashlib
import io
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import UploadBroken, UploadEmpty, UploadTooLarge
from app.upload.receive import FORM_BYTES, Received, discard_rest, receive_multipart, receive_raw

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MAX_BYTES = 100_000


def part(name: str, content: bytes, *, filename: str | None = None, extra: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return f"--{BOUNDARY}\r\n{disposition}\r\n{extra}\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class Dribble(io.BytesIO):
    """A body that comes in pieces of ``step`` bytes."""

    def __init__(self, body: bytes, step: int) -> None:
        super().__init__(body)
        self.step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self.step, size) if size and size > 0 else self.step)


class Lost(io.BytesIO):
    """A connection that breaks after what it holds."""

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        if not chunk:
            raise ConnectionResetError
        return chunk


def receive(body: bytes, spool_dir: Path, *, step: int = 1 << 20, length: int | None = -1) -> Received:
    return receive_multipart(
        Dribble(body, step),
        content_type=CONTENT_TYPE,
        content_length=len(body) if length == -1 else length,
        spool_dir=spool_dir,
        max_bytes=MAX_BYTES,
    )


def left_behind(spool_dir: Path) -> list[Path]:
    return list(spool_dir.iterdir()) if spool_dir.exists() else []


def test_a_file_is_counted_hashed_and_spooled_with_its_fields(tmp_path: Path) -> None:
    content = os.urandom(90_000)
    body = form(
        part("profile", b"universal"),
        part("file", content, filename="Grüße.JPG", extra="Content-Type: image/jpeg; q=1\r\n"),
        part("note", "ä".encode()),
    )
    received = receive(body, tmp_path / "spool")
    spooled = received.spooled
    assert spooled.path.read_bytes() == content
    assert spooled.bytes == len(content)
    assert spooled.sha256 == hashlib.sha256(content).hexdigest()
    assert (spooled.filename, spooled.declared_type) == ("Grüße.JPG", "image/jpeg")
    assert received.fields == {"profile": "universal", "note": "ä"}


def test_a_spool_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    spooled = receive(form(part("file", b"x", filename="a")), tmp_path / "spool").spooled
    assert stat.S_IMODE(spooled.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spooled.path.parent.stat().st_mode) == 0o700


def test_the_uploaders_file_name_never_becomes_a_path(tmp_path: Path) -> None:
    spooled = receive(form(part("file", b"x", filename="../../evil.sh")), tmp_path).spooled
    assert spooled.path.parent == tmp_path
    assert "evil" not in spooled.path.name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(min_size=1, max_size=3000),
        # What resembles a boundary must come through unharmed.
        st.lists(
            st.sampled_from([b"\r\n", b"--", b"\r\n--" + BOUNDARY.encode()[:20], b"\r", b"-", b"x"]), min_size=1
        ).map(b"".join),
    ),
    step=st.integers(1, 200),
)
def test_however_the_bytes_come_the_file_is_the_same(tmp_path: Path, content: bytes, step: int) -> None:
    spooled = receive(form(part("file", content, filename="a.bin")), tmp_path, step=step).spooled
    assert spooled.path.read_bytes() == content
    assert spooled.sha256 == hashlib.sha256(content).hexdigest()
    spooled.path.unlink()


def test_a_chunked_body_needs_no_length(tmp_path: Path) -> None:
    assert receive(form(part("file", b"abc", filename="a")), tmp_path, length=None).spooled.bytes == 3


@pytest.mark.parametrize(
    "body",
    [
        form(part("file", b"", filename="empty.jpg")),
        form(part("file", b"", filename="")),
        form(part("other", b"x")),
        f"--{BOUNDARY}--\r\n".encode(),
    ],
    ids=["no bytes", "nothing chosen", "no field file", "no parts"],
)
def test_no_file_is_an_empty_upload(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UploadEmpty):
        receive(body, tmp_path)
    assert left_behind(tmp_path) == []


def test_a_file_at_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert receive(form(part("file", b"x" * MAX_BYTES, filename="a")), tmp_path / "a").spooled.bytes == MAX_BYTES
    with pytest.raises(UploadTooLarge) as refused:
        receive(form(part("file", b"x" * (MAX_BYTES + 1), filename="a")), tmp_path / "b")
    assert refused.value.facts == {"limit_bytes": MAX_BYTES}
    assert left_behind(tmp_path / "b") == []


def test_an_announced_length_over_the_limit_is_refused_before_a_byte_is_read(tmp_path: Path) -> None:
    stream = io.BytesIO(b"x" * 100)
    with pytest.raises(UploadTooLarge):
        receive_multipart(
            stream, content_type=CONTENT_TYPE, content_length=60_000_000, spool_dir=tmp_path, max_bytes=MAX_BYTES
        )
    assert stream.tell() == 0


def test_a_chunked_body_without_end_is_stopped_soon_after_the_limit(tmp_path: Path) -> None:
    endless = Dribble(form(part("a", b"x"))[:-4] + b"\r\n" + b"x" * 10 * MAX_BYTES, 4096)
    with pytest.raises((UploadTooLarge, UploadBroken)):
        receive_multipart(
            endless, content_type=CONTENT_TYPE, content_length=None, spool_dir=tmp_path, max_bytes=MAX_BYTES
        )
    assert endless.tell() <= MAX_BYTES + FORM_BYTES + 4096
    assert left_behind(tmp_path) == []


GOOD = form(part("file", b"abc", filename="a.jpg"))


@pytest.mark.parametrize(
    "body",
    [
        GOOD[:-30],
        GOOD[:20],
        b"",
        b"not a form at all",
        form(part("file", b"a", filename="a"), part("file", b"b", filename="b")),
        form(part("file", b"YQ==", filename="a", extra="Content-Transfer-Encoding: base64\r\n")),
        form(b"--" + BOUNDARY.encode() + b"\r\nContent-Type: text/plain\r\n\r\nx\r\n"),
        form(b"--" + BOUNDARY.encode() + b"\r\nBad Header\x01: y\r\n\r\nx\r\n"),
        form(part("note", b"x" * 10_001)),
        form(*[part(f"f{index}", b"x") for index in range(21)]),
        form(b"--" + BOUNDARY.encode() + b"\r\nX: " + b"y" * 9000 + b"\r\n\r\nx\r\n"),
    ],
    ids=[
        "cut in the end",
        "cut in a header",
        "nothing",
        "no form",
        "two files",
        "base64",
        "no name",
        "bad header",
        "long field",
        "many fields",
        "long header",
    ],
)
def test_a_broken_form_is_refused_and_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UploadBroken):
        receive(body, tmp_path)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=" + "x" * 71,
    ],
)
def test_a_wrong_content_type_is_refused(tmp_path: Path, content_type: str) -> None:
    with pytest.raises(UploadBroken):
        receive_multipart(
            io.BytesIO(GOOD), content_type=content_type, content_length=len(GOOD), spool_dir=tmp_path, max_bytes=1000
        )


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UploadBroken) as short:
        receive(GOOD[:-60], tmp_path, length=len(GOOD))
    assert short.value.facts == {"missing_bytes": 60}
    with pytest.raises(UploadBroken):
        receive_multipart(
            Lost(GOOD[:-60]), content_type=CONTENT_TYPE, content_length=len(GOOD), spool_dir=tmp_path, max_bytes=1000
        )
    assert left_behind(tmp_path) == []


def test_a_raw_body_is_the_file(tmp_path: Path) -> None:
    spooled = receive_raw(
        io.BytesIO(b"abc"),
        filename="a/b.jpg",
        content_type="image/jpeg",
        content_length=3,
        spool_dir=tmp_path,
        max_bytes=3,
    )
    assert spooled.path.read_bytes() == b"abc"
    assert (spooled.filename, spooled.declared_type, spooled.bytes) == ("b.jpg", "image/jpeg", 3)


@pytest.mark.parametrize(
    ("body", "length", "error"),
    [(b"", 0, UploadEmpty), (b"abcd", 4, UploadTooLarge), (b"abcd", None, UploadTooLarge), (b"ab", 3, UploadBroken)],
)
def test_a_bad_raw_body_is_refused_and_leaves_nothing(
    tmp_path: Path, body: bytes, length: int | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        receive_raw(
            io.BytesIO(body), filename="a", content_type="", content_length=length, spool_dir=tmp_path, max_bytes=3
        )
    assert left_behind(tmp_path) == []


def test_the_rest_of_a_refused_body_is_read_up_to_a_limit() -> None:
    stream = io.BytesIO(b"x" * 1000)
    discard_rest(stream, max_bytes=400)
    assert stream.tell() == 400
    discard_rest(stream, max_bytes=10_000)
    assert stream.tell() == 1000
    discard_rest(Lost(b"x"), max_bytes=10)


@pytest.mark.parametrize("length", [10, 50_000])
def test_a_file_in_another_field_is_named_however_long_it_is(tmp_path: Path, length: int) -> None:
    body = form(part("picture", bytes(length), filename="a.jpg"), part("note", b"hi"))
    with pytest.raises(UploadEmpty) as caught:
        receive(body, tmp_path, step=997)
    assert caught.value.detail == "There is no file in the field `file`; a file came in the field `picture`."
    assert list(tmp_path.iterdir()) == []
    both = receive(
        form(part("picture", bytes(length), filename="a.jpg"), part("file", b"x", filename="b.jpg")), tmp_path
    )
    assert (both.spooled.filename, both.fields) == ("b.jpg", {})
