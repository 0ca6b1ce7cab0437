"""What goes out in place of an animation: a still that shows something, or a video that keeps its time."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.confine import DecoderPool
from app.errors import CannotFit, InvalidRequest
from app.fit import fit_media
from app.fit.media import DECODERS
from app.model.media import Budget, Choice, Fitted, Form
from app.probe import probe_media
from tests.media import pictures

UNIVERSAL = Budget(285_904, 1920)
KINDS = ["GIF", "WEBP", "PNG"]
Make = Callable[..., Fitted]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, form: Form, budget: Budget = UNIVERSAL) -> Fitted:
        file = tmp_path / "upload"
        file.write_bytes(content)
        return fit_media(file, probe_media(file, max_pixels=200_000_000), budget, out, choice=Choice(form))

    return run


def pixels_of(fitted: Fitted) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(Image.open(io.BytesIO(fitted.path.read_bytes())).convert("RGB")).astype(np.int64)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_frame_goes_out_as_a_still(make: Make, kind: str) -> None:
    source = pictures.drawing_that_moves(200, 6)
    fitted = make(pictures.animation(source, kind, loop=0), Form.FIRST_FRAME)
    assert fitted.content_type in {"image/png", "image/jpeg"}
    assert (fitted.width, fitted.height) == (200, 200)
    assert np.abs(pixels_of(fitted) - np.asarray(source[0]).astype(int)).mean() < 3
    assert fitted.given_up[0] == "a still: the first of 6 frames"
    assert not fitted.untouched


def test_a_blank_first_frame_gives_way_to_the_first_that_shows_something(make: Make) -> None:
    drawn = pictures.drawing_that_moves(200, 4)
    blank = Image.new("RGB", (200, 200), "white")
    fitted = make(pictures.animation([blank, blank.copy(), *drawn], "WEBP", lossless=True), Form.FIRST_FRAME)
    assert pixels_of(fitted).std() > 10
    assert "the first that shows something" in fitted.given_up[0]


def test_an_animation_that_is_blank_throughout_still_gives_a_still(make: Make) -> None:
    frames = [Image.new("RGB", (50, 40), (250, 250, shade)) for shade in (248, 250, 252)]
    assert make(pictures.animation(frames, "PNG"), Form.FIRST_FRAME).width == 50


def test_the_still_is_never_over_the_budget(make: Make) -> None:
    content = pictures.animation(pictures.pan(900, 700, 3), "WEBP")
    budget = Budget(60_000, 640)
    fitted = make(content, Form.FIRST_FRAME, budget)
    assert fitted.bytes <= budget.max_bytes
    assert max(fitted.width, fitted.height) <= budget.side_pixels
    with pytest.raises(CannotFit):
        make(content, Form.FIRST_FRAME, Budget(300, 640))


@pytest.mark.parametrize("kind", KINDS)
def test_an_mp4_keeps_size_and_time(make: Make, kind: str) -> None:
    waits = [100, 700, 50, 250]
    content = pictures.animation(pictures.pan(320, 240, 4), kind, milliseconds=waits, loop=0)
    fitted = make(content, Form.MP4)
    facts = probe_media(fitted.path, max_pixels=200_000_000)
    assert fitted.content_type == facts.content_type == "video/mp4"
    assert (facts.width, facts.height) == (320, 240)
    assert facts.seconds == pytest.approx(sum(waits) / 1000, abs=0.1)
    assert "plays once" in fitted.given_up[0]


@pytest.mark.parametrize(("a_second", "shown"), [(24, 24), (60, 30)])
def test_an_mp4_has_the_frames_of_the_animation_up_to_thirty_a_second(make: Make, a_second: int, shown: int) -> None:
    content = pictures.animation(pictures.drawing_that_moves(120, 60), "PNG", milliseconds=1000 / a_second)
    fitted = make(content, Form.MP4)
    facts = probe_media(fitted.path, max_pixels=200_000_000)
    assert facts.frames / facts.seconds == pytest.approx(shown, abs=0.2)
    assert facts.seconds == pytest.approx(60 / a_second, abs=0.1)
    assert ("30 of 60 frames left out: 30 a second are shown" in fitted.given_up) == (a_second == 60)


def test_transparency_has_a_ground_in_a_video_and_it_is_told(make: Make) -> None:
    frames = [Image.new("RGBA", (120, 80), (0, 0, 0, 0)) for _ in range(3)]
    for at, frame in enumerate(frames):
        ImageDraw.Draw(frame).ellipse((10 + 20 * at, 10, 60 + 20 * at, 60), fill=(200, 30, 30, 255))
    fitted = make(pictures.animation(frames, "WEBP", lossless=True), Form.MP4)
    assert "transparency flattened on white" in fitted.given_up


def test_an_animation_has_no_3gp_and_no_cut(make: Make) -> None:
    content = pictures.animation(pictures.drawing_that_moves(60, 3))
    with pytest.raises(InvalidRequest):
        make(content, Form.THREE_GP)


def test_a_video_of_hours_is_refused_before_a_single_picture_of_it_is_written(tmp_path: Path) -> None:
    """Forty delays of eleven minutes each: at thirty pictures a second, nearly eight hundred thousand."""
    content = pictures.animation(pictures.drawing_that_moves(64, 40), "GIF", milliseconds=[20, *[655_350] * 39], loop=0)
    (tmp_path / "upload").write_bytes(content)
    facts = probe_media(tmp_path / "upload", max_pixels=1_000_000)
    pool = DecoderPool(1, seconds=60, memory_bytes=1 << 30, cpu_seconds=60, file_bytes=100_000, preload=DECODERS)
    try:
        with pytest.raises(CannotFit) as caught:
            pool.run(fit_media, tmp_path / "upload", facts, UNIVERSAL, tmp_path, choice=Choice(Form.MP4))
    finally:
        pool.close()
    assert "seconds of video do not fit" in caught.value.detail
