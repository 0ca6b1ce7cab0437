"""Animations: timing and loop as authored, the whole within the budget, every loss told."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from app.errors import CannotFit
from app.fit import fit_media, frames
from app.fit.frames import is_blank
from app.model.media import Budget, Fitted
from app.probe import probe_media
from tests.media import pictures

UNIVERSAL = Budget(285_904, 1920)
Fit = Callable[..., Fitted]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, budget: Budget = UNIVERSAL) -> Fitted:
        file = tmp_path / "upload"
        file.write_bytes(content)
        return fit_media(file, probe_media(file, max_pixels=200_000_000), budget, out)

    return run


def frames_of(fitted: Fitted) -> tuple[list[Image.Image], list[int], int | None]:
    image = Image.open(io.BytesIO(fitted.path.read_bytes()))
    frames, waits = [], []
    for frame in ImageSequence.Iterator(image):
        frames.append(frame.convert("RGB"))
        waits.append(int(frame.info["duration"]))
    return frames, waits, image.info.get("loop")


def test_an_animation_within_the_budget_is_not_touched(fit: Fit) -> None:
    content = pictures.animation(pictures.drawing_that_moves(200, 10), loop=0)
    fitted = fit(content)
    assert fitted.untouched
    assert fitted.path.read_bytes() == content


def test_footage_is_made_smaller_until_it_fits_and_keeps_its_time(fit: Fit) -> None:
    content = pictures.animation(pictures.pan(480, 360, 24), loop=0, milliseconds=80)
    fitted = fit(content)
    frames, waits, loop = frames_of(fitted)
    assert 0.97 * UNIVERSAL.max_bytes <= fitted.bytes <= UNIVERSAL.max_bytes
    assert fitted.quality.encodes <= 4
    assert sum(waits) == 24 * 80
    assert loop == 0
    assert frames[0].size == (fitted.width, fitted.height)
    assert max(frames[0].size) >= 120
    assert fitted.quality.frames_in == 24
    assert fitted.quality.frames_out == len(frames)
    assert fitted.quality.ssim is not None
    assert any(said.startswith("scaled from 480x360") for said in fitted.given_up)


def test_a_gif_a_little_too_long_keeps_its_pixels_and_frames(fit: Fit) -> None:
    content = pictures.animation(pictures.pan(160, 120, 10), loop=3)
    fitted = fit(content, Budget(len(content) * 93 // 100, 1920))
    frames, waits, loop = frames_of(fitted)
    assert (frames[0].size, len(frames), sum(waits), loop) == ((160, 120), 10, 1000, 3)
    assert not any(said.startswith(("scaled", "transparency")) or "left out" in said for said in fitted.given_up)


def test_an_animation_that_plays_once_still_plays_once(fit: Fit) -> None:
    content = pictures.animation(pictures.pan(300, 200, 12))
    assert frames_of(fit(content, Budget(60_000, 1920)))[2] is None


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_webp_and_apng_become_gif(fit: Fit, kind: str) -> None:
    source = pictures.drawing_that_moves(200, 12)
    fitted = fit(pictures.animation(source, kind, loop=0, milliseconds=70))
    frames, waits, _ = frames_of(fitted)
    assert fitted.content_type == "image/gif"
    assert sum(waits) == 12 * 70
    assert len(frames) == 12
    difference = np.asarray(frames[5]).astype(int) - np.asarray(source[5]).astype(int)
    assert np.abs(difference).mean() < 4


def test_nothing_trails_behind_what_moves(fit: Fit) -> None:
    source = pictures.drawing_that_moves(400, 40)
    fitted = fit(pictures.animation(source, "WEBP", lossless=True, loop=0), Budget(30_000, 1920))
    frames, _, _ = frames_of(fitted)
    step = round(40 / len(frames))
    for index, frame in enumerate(frames):
        wanted = np.asarray(source[index * step].resize(frame.size, Image.Resampling.BOX)).astype(int)
        worst = np.abs(np.asarray(frame).astype(int) - wanted).max(axis=2)
        assert (worst > 60).mean() < 0.02


def recording_of_a_screen() -> bytes:
    screens = [pictures.screenshot(480, 1200).crop((0, top, 480, top + 360)) for top in range(0, 240, 20)]
    return pictures.animation(screens, "WEBP", lossless=True, loop=0)


def test_a_recording_of_a_screen_loses_colours_before_its_side(fit: Fit) -> None:
    whole = fit(recording_of_a_screen(), Budget(3_000_000, 1920))
    fitted = fit(recording_of_a_screen(), Budget(whole.bytes * 97 // 100, 1920))
    assert (whole.width, fitted.width) == (480, 480)
    assert fitted.quality.colors < whole.quality.colors
    assert (fitted.quality.ssim or 0) > 0.97


def test_flat_art_that_grows_longer_when_it_is_made_smaller_still_comes_near_the_budget(fit: Fit) -> None:
    whole = fit(recording_of_a_screen(), Budget(3_000_000, 1920))
    budget = Budget(whole.bytes * 85 // 100, 1920)
    fitted = fit(recording_of_a_screen(), budget)
    assert 0.8 * budget.max_bytes <= fitted.bytes <= budget.max_bytes
    assert fitted.quality.encodes <= 4


@pytest.mark.parametrize("contrast", [7, 9, 30])
def test_a_faint_first_frame_that_paints_blank_does_not_stay_first(fit: Fit, contrast: int) -> None:
    chance = np.random.default_rng(1)
    faint = 235 + contrast * np.repeat(np.repeat(chance.normal(0, 1, (60, 80, 1)), 4, 0), 4, 1).repeat(3, 2)
    moves = [np.asarray(frame) + chance.normal(0, 12, (240, 320, 3)) for frame in pictures.pan(320, 240, 12)]
    frames = [Image.fromarray(each.clip(0, 255).astype(np.uint8)) for each in (faint, *moves)]
    fitted = fit(pictures.animation(frames, "WEBP", lossless=True, loop=0), Budget(60_000, 1920))
    shown, waits, _ = frames_of(fitted)
    assert not is_blank(np.asarray(shown[0]))
    assert sum(waits) == 1300
    again = fit(fitted.path.read_bytes(), Budget(60_000, 1920))
    assert (again.untouched, again.sha256) == (True, fitted.sha256)


def test_a_gif_whose_first_frame_is_all_but_blank_is_not_squeezed_until_it_is(fit: Fit) -> None:
    faint = Image.new("RGB", (160, 120), (200, 200, 200))
    faint.paste((217, 217, 217), (0, 0, 29, 120))
    turning = [Image.radial_gradient("L").resize((160, 120)).rotate(9 * step).convert("P") for step in range(10)]
    content = pictures.animation([faint, *turning], loop=0)
    budget = Budget(len(content) * 4 // 5, 1920)
    assert fit(pictures.animation([*turning, faint], loop=0), budget).quality.encoder == "gifsicle"
    fitted = fit(content, budget)
    assert fitted.quality.encoder == "Pillow and gifsicle"
    assert fit(fitted.path.read_bytes(), budget).sha256 == fitted.sha256


def test_frames_that_are_painted_alike_are_told(fit: Fit) -> None:
    frames = [Image.new("RGB", (80, 60), (60 + shade // 2, 60, 60 + shade % 2)) for shade in range(24)]
    for frame in frames:
        frame.paste((250, 250, 250), (10, 10, 40, 40))
    fitted = fit(pictures.animation(frames, "PNG", loop=0))
    kept, alike = fitted.quality.frames_out, 24 - fitted.quality.frames_out
    assert kept < 12
    assert any(f"; {alike} of 24 frames show nothing else, and the one" in told for told in fitted.given_up)


def test_what_stays_longer_than_a_gif_can_say_is_told(fit: Fit) -> None:
    content = pictures.animation(
        pictures.drawing_that_moves(80, 3), "WEBP", lossless=True, milliseconds=[100, 100, 700_000]
    )
    fitted = fit(content)
    assert sum(frames_of(fitted)[1]) == fitted.quality.seconds * 1000 == 655_550
    assert (
        "shown for 655.55 seconds instead of 700.2, since a frame of a GIF stays for at most 655.35" in fitted.given_up
    )


def test_the_side_of_the_profile_is_kept(fit: Fit) -> None:
    fitted = fit(pictures.animation(pictures.drawing_that_moves(600, 6), loop=0), Budget(285_904, 320))
    assert max(fitted.width, fitted.height) <= 320


def test_location_in_a_small_animation_is_taken_out(fit: Fit) -> None:
    content = pictures.animation(pictures.drawing_that_moves(100, 5), loop=0, comment=b"GPSLatitude 51.47")
    fitted = fit(content)
    assert not fitted.untouched
    assert b"GPSLatitude" not in fitted.path.read_bytes()
    assert len(frames_of(fitted)[0]) == 5


def test_a_small_animation_loses_its_words_and_nothing_else(fit: Fit) -> None:
    plain = pictures.animation(pictures.drawing_that_moves(100, 5), loop=3)
    words = b"!\xfe\x0dtaken at home\0" + b"!\xff\x0bXMP DataXMP\x04<x/>\0"
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\x03\0\0"
    at = plain.index(loop)
    fitted = fit(plain[:at] + words + plain[at : at + len(loop)] + words + plain[at + len(loop) : -1] + words + b";")
    assert fitted.path.read_bytes() == plain
    assert (fitted.untouched, fitted.given_up) == (False, ("metadata removed",))
    assert fit(plain).untouched
    hidden = plain.replace(loop, loop[:-1] + b"\x09at home 7\0")
    assert b"at home" not in fit(hidden).path.read_bytes()


def test_what_would_be_unwatchable_is_refused_with_a_way_out(fit: Fit) -> None:
    with pytest.raises(CannotFit) as caught:
        fit(pictures.animation(pictures.pan(480, 360, 24), loop=0), Budget(5_000, 1920))
    assert caught.value.facts["instead"] == ["mp4", "first_frame"]
    assert caught.value.facts["best_bytes"] > 5_000


def test_no_floor_is_gone_below_and_each_is_reached(fit: Fit) -> None:
    content = pictures.animation(pictures.pan(320, 240, 24), "WEBP", loop=0, milliseconds=50)
    told = [fit(content, Budget(max_bytes, 1920)) for max_bytes in (9_000, 20_000, 60_000, 200_000)]
    sides = [max(fitted.width, fitted.height) for fitted in told]
    rates = [fitted.quality.frames_out / fitted.quality.seconds for fitted in told]
    colors = [fitted.quality.colors for fitted in told]
    assert 120 <= min(sides) < 130
    assert 5 <= min(rates) < 6
    assert 16 == min(colors) < max(colors)
    with pytest.raises(CannotFit, match=r"120 pixels, 16 colours and 5 frames a second"):
        fit(content, Budget(7_000, 1920))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_what_is_made_smaller_is_decoded_once(monkeypatch: pytest.MonkeyPatch, fit: Fit, kind: str) -> None:
    decoded, each = [], frames._shown

    def noted(image: Image.Image, path: Path) -> Iterator[tuple[Image.Image, Any]]:
        for shown in each(image, path):
            decoded.append(shown)
            yield shown

    monkeypatch.setattr(frames, "_shown", noted)
    fitted = fit(pictures.animation(pictures.pan(240, 180, 12), kind, loop=0), Budget(60_000, 1920))
    assert fitted.quality.encodes > 0
    assert len(decoded) == 12


def test_a_profile_without_gif_refuses_an_animation(fit: Fit) -> None:
    content = pictures.animation(pictures.drawing_that_moves(100, 5), "WEBP")
    with pytest.raises(CannotFit):
        fit(content, replace(UNIVERSAL, content_types=("image/jpeg",)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(20, 300), st.integers(20, 300)),
    count=st.integers(2, 12),
    max_bytes=st.integers(20_000, 200_000),
    kind=st.sampled_from(["GIF", "WEBP", "PNG"]),
)
def test_never_over_the_budget_and_twice_changes_nothing(
    fit: Fit, size: tuple[int, int], count: int, max_bytes: int, kind: str
) -> None:
    budget = Budget(max_bytes, 1920)
    try:
        fitted = fit(pictures.animation(pictures.pan(*size, count), kind, loop=0), budget)
    except CannotFit:
        return
    assert fitted.bytes == fitted.path.stat().st_size <= max_bytes
    assert fitted.width <= size[0]
    assert fitted.height <= size[1]
    assert fit(fitted.path.read_bytes(), budget).sha256 == fitted.sha256
