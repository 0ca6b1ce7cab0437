"""What a file is comes from its bytes; what cannot be sent is refused by its name."""

import resource
import struct
import zlib
from pathlib import Path
from typing import Any

import piexif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL.PngImagePlugin import PngInfo

from app.errors import MediaDamaged, MediaTooBig, MediaUnsupported, PostcardError, UploadEmpty
from app.model.media import Facts, Kind
from app.model.mpeg_audio import mpeg_frames
from app.probe import probe_media
from tests.media import pictures

MAX_PIXELS = 200_000_000


def probe(path: Path, content: bytes, **hints: Any) -> Facts:
    file = path / "upload"
    file.write_bytes(content)
    return probe_media(file, max_pixels=hints.pop("max_pixels", MAX_PIXELS), **hints)


def test_a_phone_photograph_is_described_as_it_is_shown(tmp_path: Path) -> None:
    content = pictures.phone_photo(400, 300, orientation=6)
    assert probe(tmp_path, content) == Facts(
        kind=Kind.STILL, content_type="image/jpeg", bytes=len(content), width=300, height=400, orientation=6,
        color="RGB", has_location=True, has_metadata=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp"), ("HEIF", "image/heic"),
        ("AVIF", "image/avif"), ("BMP", "image/bmp"), ("TIFF", "image/tiff"),
    ],
)  # fmt: skip
def test_the_bytes_decide_and_name_and_type_may_lie(tmp_path: Path, kind: str, content_type: str) -> None:
    content = pictures.save(pictures.photograph(64, 48), kind)
    facts = probe(tmp_path, content, filename="invoice.pdf", declared_type="application/zip")
    assert (facts.content_type, facts.width, facts.height, facts.kind) == (content_type, 64, 48, Kind.STILL)
    assert not facts.has_location


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    content = pictures.save(pictures.photograph(200, 150), kind)
    with pytest.raises(MediaDamaged):
        probe(tmp_path, content[: int(len(content) * share)])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"just some words\n", "plain text"),
        (b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg width='1'></svg>", "an SVG drawing"),
        (b"<!DOCTYPE html><html><body>", "an HTML page"),
        (b"<?xml version='1.0'?><note/>", "an XML document"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x1f\x8b\x08" + bytes(40), "a gzip archive"),
        (b"MZ" + bytes(100), "a program"),
        (b"FLV\x01" + bytes(40), "a video (FLV)"),
        (b"MThd" + bytes(40), "a MIDI file"),
        (b"FORM\0\0\1\0AIFFCOMM" + bytes(40), "a sound file (AIFF)"),
        (b"caff\0\1" + bytes(40), "a sound file (CAF)"),
        (b"The free lunch\n", "plain text"),
        (bytes(range(128, 256)), "a file of an unknown kind"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_name(tmp_path: Path, content: bytes, named: str) -> None:
    with pytest.raises(MediaUnsupported) as caught:
        probe(tmp_path, content, filename="picture.jpg", declared_type="image/jpeg")
    assert caught.value.detail.startswith(f"This is {named}")
    assert "although its name ends in .jpg" in caught.value.detail
    assert "JPEG" in caught.value.facts["accepted"]
    assert "/" in caught.value.facts["found"]


def test_an_honest_name_is_not_called_a_lie(tmp_path: Path) -> None:
    for name, content in (
        ("note.txt", b"hello\n"),
        ("letter.docx", b"PK\x03\x04" + bytes(40)),
        ("flyer.pdf", b"%PDF-1.7\n"),
    ):
        with pytest.raises(MediaUnsupported) as caught:
            probe(tmp_path, content, filename=name)
        assert "although" not in caught.value.detail


def test_a_file_without_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadEmpty):
        probe(tmp_path, b"")


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(MediaTooBig) as caught:
        probe(tmp_path, pictures.png_bomb())
    assert caught.value.facts == {"limit": MAX_PIXELS, "pixels": 65_500 * 65_500}


def liar(kind: str, marker: bytes, at: int, size: bytes, **options: Any) -> bytes:
    """Make a picture whose header announces another size: ``at`` bytes behind the marker."""
    content = bytearray(pictures.save(pictures.photograph(120, 90), kind, **options))
    start = content.find(marker) + at
    content[start : start + len(size)] = size
    return bytes(content)


def png_with(kind: bytes, head: bytes) -> bytes:
    """Make a PNG with a chunk of some hundred kilobytes that unpacks to 400 MB."""
    content = pictures.save(pictures.photograph(40, 30), "PNG")
    return content[:33] + pictures.png_chunk(kind, head + zlib.compress(bytes(400_000_000), 9)) + content[33:]


@pytest.mark.parametrize(
    "content",
    [
        liar("JPEG", b"\xff\xc0", 5, struct.pack(">HH", 65_500, 65_500)),
        liar("JPEG", b"\xff\xc2", 5, struct.pack(">HH", 65_500, 65_500), progressive=True),
        liar("GIF", b"GIF8", 6, struct.pack("<HH", 65_535, 65_535)),
        liar("BMP", b"BM", 18, struct.pack("<ii", 60_000, 60_000)),
        liar("TIFF", b"\x00\x01\x03\x00\x01\x00\x00\x00", 8, struct.pack("<H", 65_000)),
        pictures.animation([pictures.photograph(4, 4, seed) for seed in range(2)] * 1_501),
    ],
    ids=["jpeg", "progressive jpeg", "gif", "bmp", "tiff", "frames"],
)
def test_a_bomb_of_any_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises((MediaTooBig, MediaDamaged)):
        probe(tmp_path, content)


@pytest.mark.parametrize(
    ("kind", "head"),
    [(b"iCCP", b"x\0\0"), (b"zTXt", b"Comment\0\0"), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0")],
)
def test_what_is_packed_inside_of_a_picture_is_no_bomb_either(tmp_path: Path, kind: bytes, head: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = png_with(kind, head)
    with pytest.raises(MediaDamaged):
        probe(tmp_path, content)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000
    )  # KiB; the 400 MB of this test included


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_was_cut_off_and_ended_is_refused_too(tmp_path: Path, *, progressive: bool, share: float) -> None:
    content = pictures.save(pictures.photograph(800, 600), "JPEG", progressive=progressive)
    assert probe(tmp_path, content).width == 800
    with pytest.raises(MediaDamaged):
        probe(tmp_path, content[: int(len(content) * share)] + b"\xff\xd9")
    # Bytes that mean nothing before the end are harmless; some cameras write them.
    assert probe(tmp_path, content[:-2] + b"\x00\x12\x34\x00\xff\xd9").width == 800


def test_a_small_scan_under_a_large_header_is_not_made_a_large_grey_picture(tmp_path: Path) -> None:
    with pytest.raises(MediaDamaged):
        probe(tmp_path, liar("JPEG", b"\xff\xc2", 5, struct.pack(">HH", 9_000, 9_000), progressive=True))


def test_a_picture_of_just_the_most_pixels_is_taken(tmp_path: Path) -> None:
    content = pictures.save(pictures.photograph(40, 30), "PNG")
    assert probe(tmp_path, content, max_pixels=1200).width == 40
    with pytest.raises(MediaTooBig):
        probe(tmp_path, content, max_pixels=1199)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_second_file_behind_the_picture_is_refused(tmp_path: Path, kind: str) -> None:
    content = pictures.save(pictures.photograph(40, 30), kind)
    with pytest.raises(MediaUnsupported, match="behind its end"):
        probe(tmp_path, content + b"PK\x03\x04 and so on")
    assert probe(tmp_path, content + bytes(100)).width == 40


def test_a_second_picture_that_a_camera_appends_is_no_stranger(tmp_path: Path) -> None:
    content = pictures.save(pictures.photograph(40, 30), "JPEG")
    assert probe(tmp_path, content + content).width == 40


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_told_from_a_still(tmp_path: Path, kind: str) -> None:
    frames = [pictures.photograph(40, 30, seed) for seed in range(3)]
    content = pictures.save(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.frames, facts.seconds) == (Kind.ANIMATION, 3, 0.3)


def test_location_is_found_wherever_it_hides(tmp_path: Path) -> None:
    image = pictures.photograph(40, 30)
    gps = pictures.exif(gps=True)
    xmp = b"<x:xmpmeta><rdf:Description exif:GPSLatitude='51,28.6N'/></x:xmpmeta>"
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    for content in (
        pictures.save(image, "JPEG", exif=gps),
        pictures.save(image, "JPEG", xmp=xmp),
        pictures.save(image, "PNG", exif=gps),
        pictures.save(image, "PNG", pnginfo=text),
        pictures.save(image, "WEBP", exif=gps),
        pictures.save(image, "WEBP", xmp=xmp),
        pictures.save(image, "HEIF", exif=gps),
        pictures.save(image, "AVIF", exif=gps),
        pictures.save(image, "TIFF", exif=gps),
    ):
        assert probe(tmp_path, content).has_location


def test_a_picture_with_a_camera_name_alone_has_metadata_and_no_location(tmp_path: Path) -> None:
    facts = probe(tmp_path, pictures.save(pictures.photograph(40, 30), "JPEG", exif=pictures.exif()))
    assert facts.has_metadata
    assert not facts.has_location


def test_a_bare_picture_has_no_metadata(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "BMP", "TIFF"):
        facts = probe(tmp_path, pictures.save(pictures.photograph(40, 30), kind))
        assert not facts.has_metadata, kind


def test_an_orientation_outside_of_1_to_8_is_upright(tmp_path: Path) -> None:
    block = piexif.dump({"0th": {piexif.ImageIFD.Orientation: 77}})
    assert probe(tmp_path, pictures.save(pictures.photograph(40, 30), "JPEG", exif=block)).orientation == 1


_FILES = [
    pictures.save(pictures.photograph(48, 40), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_facts_or_one_of_our_errors(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([*_FILES, b""])))
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), max_size=6)):
        if at < len(content):
            content[at] = byte
    content += data.draw(st.binary(max_size=40))
    try:
        facts = probe(tmp_path, bytes(content), max_pixels=10_000_000)
    except PostcardError:
        return
    assert facts.width > 0
    assert facts.height > 0


def test_a_sound_file_of_hours_is_refused_before_all_of_it_is_listed(tmp_path: Path) -> None:
    frame = b"\xff\xf3\x14\x00".ljust(24, b"\0")  # 24 ms
    (tmp_path / "upload").write_bytes(frame * 160_000)
    assert mpeg_frames(frame * 80_000) is None
    with pytest.raises(MediaTooBig, match="more than 3600 seconds"):
        probe_media(tmp_path / "upload", max_pixels=1_000_000)
