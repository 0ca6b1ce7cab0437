"""What goes out is sRGB, of 8 bits, opaque: what is otherwise is made so even where it fits, and that is told."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from app.fit import fit_media
from app.fit.colors import Coding, is_srgb
from app.model.media import Budget, Fitted
from app.probe import probe_media
from tests.media import pictures

UNIVERSAL = Budget(285_904, 1920)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CONVERTED = "colours converted to sRGB"
Levels = NDArray[np.int64]
Fit = Callable[..., Fitted]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, budget: Budget = UNIVERSAL) -> Fitted:
        file = tmp_path / "upload"
        file.write_bytes(content)
        fitted = fit_media(file, probe_media(file, max_pixels=10_000_000), budget, out)
        file.write_bytes(fitted.path.read_bytes())
        again = fit_media(file, probe_media(file, max_pixels=10_000_000), budget, out)
        assert again.untouched
        assert again.sha256 == fitted.sha256
        return fitted

    return run


def levels_of(fitted: Fitted) -> Levels:
    with Image.open(fitted.path) as image:
        assert "icc_profile" not in image.info
        return np.asarray(image.convert("RGB")).astype(int)


def by_profile(image: Image.Image, profile: bytes) -> Levels:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    return np.asarray(converted).astype(int)


def gamma(value: float) -> bytes:
    return pictures.png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def with_chunk(content: bytes, chunk: bytes) -> bytes:
    return content[:33] + chunk + content[33:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_of_wider_colours_is_converted_even_where_it_fits(fit: Fit, kind: str) -> None:
    source = pictures.photograph(200, 150)
    fitted = fit(pictures.save(source, kind, icc_profile=pictures.wide_gamut_profile()))
    assert CONVERTED in fitted.given_up
    assert fitted.content_type == f"image/{kind.lower()}"
    assert np.abs(levels_of(fitted) - by_profile(source, pictures.wide_gamut_profile())).mean() < 5


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_with_a_profile_of_srgb_is_not_touched(fit: Fit, kind: str) -> None:
    assert fit(pictures.save(pictures.photograph(200, 150), kind, icc_profile=SRGB)).untouched


def test_a_png_stays_without_loss_when_its_colours_are_converted(fit: Fit) -> None:
    source = pictures.photograph(200, 150)
    fitted = fit(pictures.save(source, "PNG", icc_profile=pictures.wide_gamut_profile()))
    assert np.array_equal(levels_of(fitted), by_profile(source, pictures.wide_gamut_profile()))
    assert (fitted.quality.ssim, fitted.given_up) == (1.0, (CONVERTED,))


def test_a_png_that_cannot_stay_without_loss_becomes_a_jpeg(fit: Fit) -> None:
    content = pictures.save(pictures.photograph(200, 150), "PNG", icc_profile=pictures.wide_gamut_profile())
    fitted = fit(content, Budget(30_000, 1920))
    assert fitted.content_type == "image/jpeg"
    assert fitted.bytes <= 30_000


def test_a_grey_png_stays_grey_without_loss(fit: Fit) -> None:
    gray = pictures.photograph(300, 200).convert("L").convert("LA")
    gray.putalpha(Image.linear_gradient("L").resize(gray.size))
    fitted = fit(pictures.save(gray, "PNG"))
    assert fitted.given_up == ("transparency flattened on white",)
    assert (levels_of(fitted) == levels_of(fitted)[..., :1]).all()
    assert fitted.quality.ssim == 1.0


def test_a_profile_is_known_by_what_it_does_and_not_by_its_name(fit: Fit) -> None:
    assert b"s\0R\0G\0B" in pictures.linear_profile()
    assert is_srgb(SRGB)
    assert is_srgb(SRGB.replace("sRGB".encode("utf-16-be"), "Card".encode("utf-16-be")))
    assert not is_srgb(pictures.linear_profile())
    source = pictures.photograph(200, 150)
    fitted = fit(pictures.save(source, "PNG", icc_profile=pictures.linear_profile()))
    assert np.array_equal(levels_of(fitted), by_profile(source, pictures.linear_profile()))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("side", [1920, 100])
def test_a_profile_for_grey_is_followed(fit: Fit, kind: str, side: int) -> None:
    source, profile = Image.new("L", (200, 100), 100), pictures.gray_profile(1.0)
    expected = by_profile(source, profile)[0, 0]
    assert expected[0] > 150
    for image in (source,) if kind == "JPEG" else (source, source.convert("LA")):
        fitted = fit(pictures.save(image, kind, icc_profile=profile), Budget(100_000, side))
        assert np.abs(levels_of(fitted) - expected).max() <= 2
        assert CONVERTED in fitted.given_up


def test_visible_transparency_is_flattened_even_where_it_fits(fit: Fit) -> None:
    half = pictures.photograph(200, 150).convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    fitted = fit(pictures.save(half, "PNG"))
    assert (fitted.content_type, fitted.given_up) == ("image/png", ("transparency flattened on white",))
    expected = Image.alpha_composite(Image.new("RGBA", half.size, "white"), half).convert("RGB")
    assert np.array_equal(levels_of(fitted), np.asarray(expected))


def test_a_transparent_colour_that_is_seen_is_flattened_and_one_that_is_not_is_left(fit: Fit) -> None:
    art = pictures.flat_art(90, 60).quantize(16)
    unused = int(np.asarray(art).max()) + 1
    for kind in ("GIF", "PNG"):
        seen = pictures.save(art, kind, transparency=art.getpixel((0, 0)))
        assert fit(seen).given_up == ("transparency flattened on white",)
        assert fit(pictures.save(art, kind, transparency=unused)).untouched


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_that_is_opaque_everywhere_is_no_transparency(fit: Fit, mode: str) -> None:
    assert fit(pictures.save(pictures.photograph(200, 150).convert(mode), "PNG")).untouched


@pytest.mark.parametrize("channels", [0, 2, 3, 4])
def test_sixteen_bits_become_eight_even_where_they_fit_and_it_is_told(fit: Fit, channels: int) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 128, dtype=np.uint16), (60, 1))
    values = ramp if not channels else np.stack([ramp] * channels, axis=-1)
    if channels in {2, 4}:
        values[..., -1] = 65_535
    fitted = fit(pictures.deep_png(values))
    assert fitted.given_up == ("16 bits a channel reduced to 8",)
    assert np.abs(levels_of(fitted)[..., 0] - ramp / 257).max() <= 1


def test_more_than_eight_bits_are_told_of_every_format(fit: Fit) -> None:
    values = np.asarray(pictures.photograph(64, 48)).astype(np.uint16) << 8
    heif = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 48), values.tobytes()).save(heif, quality=95)
    assert "10 bits a channel reduced to 8" in fit(heif.getvalue()).given_up
    tiff = pictures.save(Image.fromarray(values[..., 0]), "TIFF")
    assert "16 bits a channel reduced to 8" in fit(tiff).given_up
    for kind in ("HEIF", "AVIF", "TIFF", "WEBP"):
        told = fit(pictures.save(pictures.photograph(64, 48), kind)).given_up
        assert not any("bits" in loss for loss in told), kind


def test_a_nearly_black_picture_of_sixteen_bits_stays_nearly_black(fit: Fit) -> None:
    values = np.arange(256, dtype=np.uint16).reshape(16, 16)
    assert levels_of(fit(pictures.deep_png(values))).max() == 0
    assert levels_of(fit(pictures.save(Image.fromarray(values), "TIFF"))).max() <= 1


def test_the_transparent_colour_of_sixteen_bits_is_laid_on_a_ground(fit: Fit) -> None:
    gray = np.full((60, 80), 20_000, np.uint16)
    gray[:30] = 300
    colors = np.stack([gray] * 3, axis=-1)
    for values, clear in ((gray, struct.pack(">H", 300)), (colors, struct.pack(">HHH", 300, 300, 300))):
        fitted = fit(pictures.deep_png(values, pictures.png_chunk(b"tRNS", clear)))
        assert "transparency flattened on white" in fitted.given_up
        assert levels_of(fitted)[5, 5].min() == 255
        assert levels_of(fitted)[50, 5].max() == 20_000 >> 8


def test_the_gamma_of_a_png_is_applied_when_it_is_not_the_usual_one(fit: Fit) -> None:
    source = pictures.photograph(200, 150)
    plain = pictures.save(source, "PNG")
    assert fit(with_chunk(plain, gamma(0.45455))).untouched
    assert fit(with_chunk(plain, pictures.png_chunk(b"sRGB", b"\0") + gamma(1.0))).untouched
    assert fit(with_chunk(plain, gamma(0.00001))).untouched
    light = (np.asarray(source) / 255) ** 2.2
    linear = Image.fromarray((light * 255).round().astype(np.uint8))
    fitted = fit(with_chunk(pictures.save(linear, "PNG"), gamma(1.0)))
    assert fitted.given_up == (CONVERTED,)
    assert np.abs(levels_of(fitted) - np.asarray(source)).mean() < 4


def test_a_heic_that_says_display_p3_by_numbers_alone_is_converted(fit: Fit) -> None:
    content = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 100, 100))).save(
        content, quality=100, color_primaries=12, transfer_characteristics=13, matrix_coefficients=6, full_range_flag=1
    )
    fitted = fit(content.getvalue())
    assert CONVERTED in fitted.given_up
    # To light by the curve that both have, then by the primaries of SMPTE EG 432-1 and those of sRGB.
    assert np.abs(levels_of(fitted)[24, 32] - (214.9, 92.6, 96.6)).max() < 2


def test_the_other_pictures_of_a_heic_are_told(fit: Fit) -> None:
    several = pillow_heif.from_pillow(pictures.photograph(64, 48))
    several.add_from_pillow(pictures.photograph(64, 48, 1))
    content = io.BytesIO()
    several.save(content, quality=90)
    assert "1 of 2 pictures left out" in fit(content.getvalue()).given_up


def test_a_colour_profile_is_no_metadata(fit: Fit) -> None:
    content = pictures.save(pictures.photograph(64, 48), "HEIF", icc_profile=SRGB)
    assert not any("metadata" in loss for loss in fit(content).given_up)


def test_a_profile_for_other_pixels_is_told_to_be_ignored(fit: Fit) -> None:
    content = pictures.save(pictures.photograph(200, 150), "PNG", icc_profile=pictures.gray_profile(1.0))
    assert fit(content).given_up == ("a colour profile that cannot be read was ignored",)
    assert Coding(b"nonsense").is_srgb
