"""Stills: as they are where they fit, stripped where that is enough, encoded anew where they must be; never too long."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.errors import CannotFit, PostcardError
from app.fit import fit_media
from app.model.media import Budget, Fitted
from app.probe import probe_media
from tests.media import pictures

UNIVERSAL = Budget(285_904, 1920)
# By the drawings of the EXIF standard, not by a decoder: some turn a picture themselves.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Fitted]:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, budget: Budget = UNIVERSAL) -> Fitted:
        file = tmp_path / "upload"
        file.write_bytes(content)
        return fit_media(file, probe_media(file, max_pixels=200_000_000), budget, out)

    return run


Fit = Callable[..., Fitted]


def opened(fitted: Fitted) -> Image.Image:
    image = Image.open(io.BytesIO(fitted.path.read_bytes()))
    image.load()
    return image


def test_a_phone_photograph_uses_the_room_and_no_more(fit: Fit) -> None:
    fitted = fit(pictures.phone_photo(orientation=6))
    assert 0.96 * UNIVERSAL.max_bytes <= fitted.bytes <= UNIVERSAL.max_bytes
    assert (fitted.width, fitted.height) == (1440, 1920)
    assert fitted.quality.encodes <= 3
    assert fitted.quality.ssim is not None
    assert fitted.quality.ssim > 0.8
    assert fitted.given_up[0] == "scaled from 3024x4032 to 1440x1920"
    assert "location and other metadata removed" in fitted.given_up
    image = opened(fitted)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1440, 1920))
    assert not image.getexif()
    assert "progressive" not in image.info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_picture_within_the_budget_is_not_touched(fit: Fit, kind: str) -> None:
    content = pictures.save(pictures.photograph(200, 150), kind)
    fitted = fit(content)
    assert fitted.untouched
    assert fitted.path.read_bytes() == content
    assert fitted.given_up == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_location_is_taken_out_without_touching_the_pixels(fit: Fit, kind: str) -> None:
    image = pictures.photograph(200, 150)
    content = pictures.save(image, kind, exif=pictures.exif(gps=True))
    fitted = fit(content)
    assert not fitted.untouched
    assert fitted.given_up == ("location and other metadata removed",)
    assert not opened(fitted).getexif()
    assert np.array_equal(np.asarray(opened(fitted)), np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_orientation_comes_out_upright(fit: Fit, orientation: int, kind: str) -> None:
    source = pictures.marked(400, 300)
    content = pictures.save(source, kind, exif=pictures.exif(orientation=orientation))
    turn = TURNS.get(orientation)
    upright = source if turn is None else source.transpose(turn)
    fitted = fit(content)
    image = opened(fitted).convert("RGB")
    assert image.size == upright.size == (fitted.width, fitted.height)
    difference = np.asarray(image).astype(int) - np.asarray(upright).astype(int)
    assert np.abs(difference).mean() < 4
    assert opened(fitted).getexif().get(274, 1) == 1


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "WEBP", "BMP", "TIFF"])
def test_formats_that_handsets_do_not_know_become_one_that_they_do(fit: Fit, kind: str) -> None:
    source = pictures.photograph(300, 200)
    fitted = fit(pictures.save(source, kind))
    assert fitted.content_type == "image/jpeg"
    assert (fitted.width, fitted.height) == (300, 200)
    assert np.abs(np.asarray(opened(fitted)).astype(int) - np.asarray(source).astype(int)).mean() < 6


def test_cmyk_becomes_rgb_that_looks_alike(fit: Fit) -> None:
    fitted = fit(pictures.cmyk_jpeg())
    assert opened(fitted).mode == "RGB"
    assert "colours converted from CMYK" in fitted.given_up
    expected = np.asarray(pictures.photograph(300, 200)).astype(int)
    assert np.abs(np.asarray(opened(fitted)).astype(int) - expected).mean() < 12


def test_sixteen_bits_become_eight_without_clipping(fit: Fit) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256, dtype=np.uint16), (100, 1))
    fitted = fit(pictures.save(Image.fromarray(ramp), "TIFF"))
    out = np.asarray(opened(fitted).convert("L")).astype(int)
    assert np.abs(out - np.tile(np.arange(256), (100, 1))).mean() < 3


def test_a_progressive_jpeg_becomes_baseline(fit: Fit) -> None:
    fitted = fit(pictures.save(pictures.photograph(300, 200), "JPEG", progressive=True))
    assert not fitted.untouched
    assert "progressive" not in opened(fitted).info


def test_transparency_is_laid_on_white(fit: Fit) -> None:
    source = pictures.flat_art(2400, 900, alpha=True)
    fitted = fit(pictures.save(source, "PNG"))
    assert "transparency flattened on white" in fitted.given_up
    assert opened(fitted).convert("RGB").getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["P", "LA", "L", "1", "RGBA"])
def test_every_mode_of_png_is_fitted(fit: Fit, mode: str) -> None:
    fitted = fit(pictures.save(pictures.photograph(2200, 1100).convert(mode), "PNG"))
    assert fitted.bytes <= UNIVERSAL.max_bytes
    assert max(fitted.width, fitted.height) <= 1920


def test_a_palette_with_a_transparent_colour_is_flattened(fit: Fit) -> None:
    image = pictures.flat_art(300, 200).quantize(16)
    content = pictures.save(image, "GIF", transparency=image.getpixel((0, 0)))
    fitted = fit(content, replace(UNIVERSAL, content_types=("image/jpeg",)))
    assert np.asarray(opened(fitted))[2, 2].min() > 250


def test_wide_colours_are_converted_to_srgb(fit: Fit) -> None:
    source = Image.new("RGB", (300, 200), (200, 40, 40))
    content = pictures.save(source, "JPEG", quality=95, icc_profile=pictures.wide_gamut_profile(), progressive=True)
    fitted = fit(content)
    assert "colours converted to sRGB" in fitted.given_up
    red, green, _ = np.asarray(opened(fitted)).astype(int)[100, 150]
    assert green > red + 50
    assert "icc_profile" not in opened(fitted).info


def test_a_broken_colour_profile_is_ignored(fit: Fit) -> None:
    content = pictures.save(pictures.photograph(300, 200), "JPEG", icc_profile=b"no profile" * 20, progressive=True)
    assert "a colour profile that cannot be read was ignored" in fit(content).given_up


def test_flat_art_stays_without_loss(fit: Fit) -> None:
    source = pictures.flat_art(600, 400)
    fitted = fit(pictures.save(source, "BMP"))
    assert fitted.content_type == "image/png"
    assert fitted.quality.ssim == 1.0
    assert np.array_equal(np.asarray(opened(fitted).convert("RGB")), np.asarray(source))


def test_a_hard_picture_gives_up_pixels_rather_than_falling_to_mud(fit: Fit) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1500, 2000, 3)).astype(np.uint8)
    fitted = fit(pictures.save(Image.fromarray(noise), "JPEG", quality=90))
    assert fitted.quality.encoder_quality >= 30
    assert fitted.width < 1920
    assert 0.96 * UNIVERSAL.max_bytes <= fitted.bytes <= UNIVERSAL.max_bytes


def test_what_cannot_fit_says_how_short_it_could_be(fit: Fit) -> None:
    with pytest.raises(CannotFit) as caught:
        fit(pictures.phone_photo(800, 600), Budget(300, 1920))
    assert caught.value.facts["limit_bytes"] == 300
    assert caught.value.facts["best_bytes"] > 300


def test_the_same_bytes_in_give_the_same_bytes_out(fit: Fit) -> None:
    content = pictures.phone_photo(2000, 1500)
    assert fit(content).sha256 == fit(content).sha256


def test_a_preview_behind_the_picture_is_left_out(fit: Fit) -> None:
    content = pictures.save(pictures.photograph(200, 150), "JPEG")
    fitted = fit(content + content)
    assert not fitted.untouched
    assert fitted.bytes == len(content)


SIZES = st.tuples(st.integers(1, 700), st.integers(1, 700))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=SIZES,
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]),
    max_bytes=st.integers(1_500, 120_000),
    side=st.integers(64, 800),
    orientation=st.integers(1, 8),
    is_wide=st.booleans(),
    is_transparent=st.booleans(),
)
def test_never_over_the_budget_never_enlarged_and_twice_changes_nothing(
    fit: Fit,
    size: tuple[int, int],
    kind: str,
    max_bytes: int,
    side: int,
    orientation: int,
    is_wide: bool,
    is_transparent: bool,
) -> None:
    image = pictures.photograph(*size).copy()
    if is_transparent and kind in {"PNG", "WEBP"}:
        image.putalpha(Image.linear_gradient("L").resize(size))
    options = {"exif": pictures.exif(orientation=orientation)} if kind != "BMP" else {}
    if is_wide and kind != "BMP":
        options["icc_profile"] = pictures.wide_gamut_profile()
    content = pictures.save(image, kind, **options)
    budget = Budget(max_bytes, side)
    fitted = fit(content, budget)
    assert fitted.bytes == fitted.path.stat().st_size <= max_bytes
    assert max(fitted.width, fitted.height) <= side
    upright = size if kind == "BMP" or orientation < 5 else size[::-1]
    assert (fitted.width, fitted.height) <= upright
    again = fit(fitted.path.read_bytes(), budget)
    assert again.untouched
    assert again.sha256 == fitted.sha256


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_a_picture_within_the_budget_or_one_of_our_errors(fit: Fit, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"]))
    content = bytearray(pictures.save(pictures.photograph(90, 70), kind))
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=5)):
        content[at] = byte
    budget = Budget(4000, 80)
    try:
        fitted = fit(bytes(content), budget)
    except PostcardError:
        return
    assert fitted.bytes <= budget.max_bytes
    assert opened(fitted).size == (fitted.width, fitted.height)


def test_a_screenshot_becomes_a_png_that_looks_the_same(fit: Fit) -> None:
    source = pictures.screenshot(1170, 2532)
    fitted = fit(pictures.save(source, "PNG", compress_level=0))
    assert fitted.content_type == "image/png"
    assert (fitted.width, fitted.height) == (887, 1920)
    assert fitted.quality.ssim is not None
    assert fitted.quality.ssim >= 0.995


def test_a_white_logo_is_laid_on_a_ground_on_which_it_is_seen(fit: Fit) -> None:
    logo = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    logo.paste((255, 255, 255, 255), (100, 100, 300, 200))
    fitted = fit(pictures.save(logo, "WEBP", lossless=True))
    assert "transparency flattened on dark grey" in fitted.given_up
    out = np.asarray(opened(fitted).convert("RGB")).astype(int)
    assert out[150, 200].min() - out[10, 10].max() > 150


def test_the_pages_of_a_tiff_that_do_not_go_out_are_told(fit: Callable[..., Fitted]) -> None:
    made = io.BytesIO()
    pages = [pictures.photograph(300, 200, seed) for seed in range(3)]
    pages[0].save(made, "TIFF", save_all=True, append_images=pages[1:])
    assert "2 of 3 pages left out" in fit(made.getvalue()).given_up
