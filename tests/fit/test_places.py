"""No picture that goes out says where it was taken, whatever way the camera found to say so."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.fit import fit_media
from app.fit.strip import STRIPS, strip_gif
from app.model.jpeg import walk_jpeg
from app.model.media import Budget, Fitted
from app.probe import probe_media
from tests.media import pictures, places

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ROOMY, SMALL = Budget(285_904, 1920), Budget(6_000, 160)
PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs"}


def fit(content: bytes, budget: Budget, folder: Path) -> Fitted:
    (folder / "out").mkdir(exist_ok=True)
    file = folder / "upload"
    file.write_bytes(content)
    return fit_media(file, probe_media(file, max_pixels=10_000_000), budget, folder / "out")


def says_a_place(content: bytes) -> bool:
    """Look for the secret as it is, in any compressed piece, and for the coordinates of EXIF."""
    pieces = [content]
    for at in range(len(content) - 1):
        if content[at] == 0x78 and content[at + 1] in {0x01, 0x5E, 0x9C, 0xDA}:
            unpacker = zlib.decompressobj()
            try:
                pieces.append(unpacker.decompress(content[at:], 100_000))
            except zlib.error:
                continue
    return any(secret in piece for piece in pieces for secret in (places.SECRET, *places.RATIONALS))


def blocks_of(fitted: Fitted) -> set[object]:
    """Name what is in a JPEG or PNG that went out, read by no code of ours but the walk over its markers."""
    content = fitted.path.read_bytes()
    if fitted.content_type == "image/jpeg":
        structure = walk_jpeg(content)
        assert structure.end == len(content)
        return {segment.marker for segment in structure.segments}
    found, at = set[object](), 8
    while at < len(content):
        found.add(content[at + 4 : at + 8])
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    return found


@pytest.mark.parametrize("name", places.MAKERS)
@pytest.mark.parametrize("budget", [ROOMY, SMALL], ids=["fits", "must be encoded anew"])
def test_no_place_goes_out(name: str, budget: Budget, tmp_path: Path) -> None:
    content = places.MAKERS[name]()
    if name not in {"heic", "avif"}:  # those may keep it compressed in a way that is not looked into here
        assert says_a_place(content), "the test set itself must hold a place"
    fitted = fit(content, budget, tmp_path)
    out = fitted.path.read_bytes()
    assert not fitted.untouched
    assert not says_a_place(out)
    with Image.open(io.BytesIO(out)) as image:
        image.load()
        assert not image.getexif()
        assert not {"exif", "xmp", "photoshop", "comment", "XML:com.adobe.xmp"} & set(image.info)
    if fitted.content_type == "image/jpeg":
        assert not blocks_of(fitted) & {0xFE, *range(0xE1, 0xEE), 0xEF}
    elif fitted.content_type == "image/png":
        assert blocks_of(fitted) <= PNG_CHUNKS
    if fitted.quality.encodes == 0:
        assert any("removed" in loss for loss in fitted.given_up)


@pytest.mark.parametrize("name", [name for name in places.MAKERS if name.startswith(("jpeg", "png", "gif"))])
def test_what_fits_keeps_every_pixel_when_its_metadata_goes(name: str, tmp_path: Path) -> None:
    content = places.MAKERS[name]()
    fitted = fit(content, ROOMY, tmp_path)
    assert fitted.quality.encodes == 0
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(fitted.path.read_bytes()))
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_holds_nothing_but_pixels_is_not_changed_by_stripping(kind: str, alpha: bool) -> None:
    image = pictures.flat_art(90, 60, alpha=alpha and kind != "JPEG")
    profile = {} if kind == "GIF" else {"icc_profile": pictures.wide_gamut_profile()}
    content = pictures.save(image, kind, **profile)
    assert STRIPS[f"image/{kind.lower()}"](content) == content


def test_a_transparent_gif_stays_transparent_without_its_comment() -> None:
    image = pictures.flat_art(60, 40).quantize(8)
    content = pictures.save(image, "GIF", transparency=image.getpixel((0, 0)), comment=b"taken at home")
    stripped = strip_gif(content)
    assert b"taken at home" not in stripped
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(stripped))
    assert np.array_equal(np.asarray(before.convert("RGBA")), np.asarray(after.convert("RGBA")))


def test_a_jfif_thumbnail_is_left_out() -> None:
    plain = pictures.save(pictures.photograph(90, 60), "JPEG")
    thumbnail = b"\xff\xe0" + (16 + 12).to_bytes(2, "big") + plain[6:18] + b"\x02\x02" + b"\x07" * 12
    assert STRIPS["image/jpeg"](plain[:2] + thumbnail + plain[20:]) == plain


HIDDEN = b"taken at home, at 51.4778 N"
NUMBERS = (b"sBIT", b"bKGD", b"pHYs", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tRNS", b"PLTE")


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def behind_start(pieces: bytes) -> bytes:
    plain = pictures.save(pictures.photograph(90, 60), "JPEG")
    return plain[:2] + pieces + plain[2:]


def png_with(*chunks: bytes) -> bytes:
    plain = pictures.save(pictures.photograph(90, 60), "PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


@pytest.mark.parametrize(
    "content",
    [
        *(png_with(pictures.png_chunk(kind, HIDDEN)) for kind in NUMBERS),
        png_with()[:-12] + pictures.png_chunk(b"IHDR", png_with()[16:29] + HIDDEN) + png_with()[-12:],
        png_with(pictures.png_chunk(b"pHYs", bytes(9)), pictures.png_chunk(b"pHYs", HIDDEN[:9])),
        png_with(pictures.png_chunk(b"iCCP", HIDDEN + b"\0\0" + zlib.compress(bytes(200)))),
        behind_start(segment(0xEE, HIDDEN)),
        behind_start(segment(0xEE, b"Adobe\0\x64" + bytes(4) + b"\1" + HIDDEN)),
        behind_start(segment(0xDC, HIDDEN)),
        behind_start(segment(0xE2, b"ICC_PROFILE\0\1\1" + HIDDEN)),
        behind_start(segment(0xE2, b"ICC_PROFILE\0\1\2" + SRGB) + segment(0xE2, b"ICC_PROFILE\0\2\2" + HIDDEN)),
    ],
    ids=[
        *(kind.decode() for kind in NUMBERS),
        "IHDR",
        "second",
        "iCCP",
        "adobe",
        "long adobe",
        "lines",
        "icc",
        "icc tail",
    ],
)
def test_nothing_hides_in_a_block_that_pixels_need(content: bytes, tmp_path: Path) -> None:
    kind = "jpeg" if content[:2] == b"\xff\xd8" else "png"
    stripped = STRIPS[f"image/{kind}"](content)
    assert HIDDEN[:9] not in stripped
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(stripped))
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))
    fitted = fit(content, ROOMY, tmp_path)
    assert not fitted.untouched
    assert HIDDEN[:9] not in fitted.path.read_bytes()


def test_the_name_of_a_colour_profile_tells_nothing_and_the_profile_stays() -> None:
    named = pictures.png_chunk(b"iCCP", HIDDEN + b"\0\0" + zlib.compress(SRGB))
    stripped = STRIPS["image/png"](png_with(named))
    assert HIDDEN not in stripped
    with Image.open(io.BytesIO(stripped)) as image:
        assert image.info["icc_profile"] == SRGB
    assert STRIPS["image/png"](stripped) == stripped


def test_a_palette_is_no_longer_than_its_pixels_can_name(tmp_path: Path) -> None:
    plain = pictures.save(pictures.flat_art(90, 60).quantize(16), "PNG", bits=4)
    at = plain.index(b"PLTE") - 4
    length = int.from_bytes(plain[at : at + 4], "big")
    entries = plain[at + 8 : at + 8 + length].ljust(48, b"\0")
    content = (
        plain[:at] + pictures.png_chunk(b"PLTE", entries + HIDDEN + bytes(-len(HIDDEN) % 3)) + plain[at + 12 + length :]
    )
    fitted = fit(content, ROOMY, tmp_path)
    assert HIDDEN not in fitted.path.read_bytes()
    before, after = Image.open(io.BytesIO(content)), Image.open(fitted.path)
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))


def test_bytes_behind_the_last_pixel_of_a_jpeg_do_not_go_out(tmp_path: Path) -> None:
    plain = pictures.save(pictures.photograph(90, 60), "JPEG")
    assert fit(plain, ROOMY, tmp_path).untouched
    fitted = fit(plain[:-2] + HIDDEN + plain[-2:], ROOMY, tmp_path)
    assert HIDDEN not in fitted.path.read_bytes()


def test_a_further_block_behind_the_delay_of_a_gif_is_left_out() -> None:
    plain = pictures.animation(pictures.pan(60, 40, 2))
    at = plain.index(b"!\xf9\x04")
    hidden = plain[: at + 7] + bytes([len(HIDDEN)]) + HIDDEN + plain[at + 7 :]
    assert strip_gif(hidden) == plain
    assert strip_gif(plain[:at] + b"!\xf9" + bytes([len(HIDDEN)]) + HIDDEN + b"\0" + plain[at:]) == plain
