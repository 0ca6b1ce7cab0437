"""Frames as they are shown: partial ones, each disposal, blending, delays, loops, and what is blank at the beginning."""

import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, ImageDraw, PngImagePlugin

from app.errors import MediaDamaged
from app.fit.frames import Frames, changed_box, load_frames
from app.model.media import Choice, Facts, Form, Kind
from app.probe import probe_media
from tests.media import pictures
from tests.media.fitting import fit, probe

Load = Callable[..., Frames]
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
_AS_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip
"""How a picture that is upright is stored under each EXIF orientation."""
_TABLE = bytes([*WHITE, *RED, *GREEN, *BLUE])


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def run(content: bytes, side: int = 1920) -> Frames:
        file = tmp_path / "upload"
        file.write_bytes(content)
        return load_frames(file, probe_media(file, max_pixels=200_000_000), side)

    return run


def gif(size: tuple[int, int], pieces: Sequence[tuple[tuple[int, int, int, int], int, int]]) -> bytes:
    """Write frames of one colour each: box, colour 0..3, disposal; the first with a blue edge, so that it is not blank."""
    out = [b"GIF89a" + struct.pack("<HHBBB", *size, 0xF1, 0, 0) + _TABLE]
    for (left, top, right, bottom), color, disposal in pieces:
        image = Image.new("L", (right - left, bottom - top), color)
        if len(out) == 1:
            image.paste(3, (0, 0, 3, bottom - top))
        out += GifImagePlugin.getdata(image, (left, top), duration=100, disposal=disposal)
    return b"".join([*out, b";"])


def painted(size: tuple[int, int], *boxes: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> NDArray[np.uint8]:
    image = Image.new("RGB", size, WHITE)
    for box, color in boxes:
        image.paste(color, box)
    return np.asarray(image)


def shown(frames: Frames) -> list[NDArray[np.uint8]]:
    return [pixels.copy() for pixels in frames.replay()]


def test_a_partial_frame_is_laid_over_what_stays(load: Load) -> None:
    frames = shown(load(gif((40, 30), [((0, 0, 40, 30), 1, 1), ((5, 5, 15, 15), 2, 1), ((20, 5, 30, 15), 3, 1)])))
    ground = (((0, 0, 40, 30), RED), ((0, 0, 3, 30), BLUE))
    assert (frames[1] == painted((40, 30), *ground, ((5, 5, 15, 15), GREEN))).all()
    assert (frames[2] == painted((40, 30), *ground, ((5, 5, 15, 15), GREEN), ((20, 5, 30, 15), BLUE))).all()


def test_a_frame_that_is_cleared_leaves_the_ground(load: Load) -> None:
    pieces = [((0, 0, 40, 15), 1, 1), ((5, 5, 15, 15), 2, 2), ((20, 5, 30, 15), 3, 1)]
    frames = shown(load(gif((40, 30), pieces)))
    half = (((0, 0, 40, 15), RED), ((0, 0, 3, 15), BLUE))
    assert (frames[1] == painted((40, 30), *half, ((5, 5, 15, 15), GREEN))).all()
    assert (frames[2] == painted((40, 30), *half, ((5, 5, 15, 15), WHITE), ((20, 5, 30, 15), BLUE))).all()


def test_a_frame_that_is_taken_back_leaves_what_was_before(load: Load) -> None:
    pieces = [((0, 0, 40, 30), 1, 1), ((5, 5, 15, 15), 2, 3), ((20, 5, 30, 15), 3, 1)]
    frames = shown(load(gif((40, 30), pieces)))
    assert (frames[2] == painted((40, 30), ((0, 0, 40, 30), RED), ((0, 0, 3, 30), BLUE), ((20, 5, 30, 15), BLUE))).all()


@pytest.mark.parametrize("before", [2, 3])
def test_a_frame_that_does_not_say_what_becomes_of_it_stays(load: Load, before: int) -> None:
    pieces = [((0, 0, 40, 30), 1, 1), ((5, 5, 15, 15), 2, before), ((20, 5, 30, 15), 3, 0), ((20, 18, 30, 28), 2, 0)]
    last = shown(load(gif((40, 30), pieces)))[-1]
    assert (last[5:15, 20:30] == BLUE).all()
    assert (last[18:28, 20:30] == GREEN).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    upright = pictures.marked(120, 60)
    stored = upright.transpose(_AS_STORED[orientation]) if orientation > 1 else upright
    moved = stored.copy()
    moved.paste((20, 20, 200), (stored.width // 2, stored.height // 2, stored.width // 2 + 20, stored.height // 2 + 8))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = pictures.animation([stored, moved], kind, exif=pictures.exif(orientation=orientation), **options)
    loaded = shown(load_frames(tmp_path / "upload", probe(tmp_path, content), 60))[0]
    assert loaded.shape[:2] == (30, 60)
    assert np.abs(loaded.astype(int) - np.asarray(upright.reduce(2)).astype(int)).max() < 3
    still = fit(tmp_path, content, choice=Choice(Form.FIRST_FRAME))
    with Image.open(still.path) as picture:
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - np.asarray(upright).astype(int)).mean() < 3


def test_a_video_of_an_animation_is_upright(tmp_path: Path) -> None:
    upright = pictures.marked(240, 120)
    stored = [upright.transpose(_AS_STORED[6]) for _ in range(3)]
    for at, frame in enumerate(stored):
        frame.paste((20, 20, 200), (40 + 10 * at, 100, 80 + 10 * at, 140))
    content = pictures.animation(stored, "WEBP", exif=pictures.exif(orientation=6))
    video = fit(tmp_path, content, choice=Choice(Form.MP4))
    assert (video.width, video.height) == (240, 120)
    still = fit(tmp_path, video.path.read_bytes(), choice=Choice(Form.FIRST_FRAME))
    with Image.open(still.path) as picture:
        assert (
            np.abs(
                np.asarray(picture.convert("RGB")).astype(int)[:30, :240] - np.asarray(upright)[:30].astype(int)
            ).mean()
            < 12
        )


@pytest.mark.parametrize("blend", [PngImagePlugin.Blend.OP_SOURCE, PngImagePlugin.Blend.OP_OVER])
def test_an_apng_is_blended_as_it_says(load: Load, blend: PngImagePlugin.Blend) -> None:
    below = Image.new("RGBA", (40, 30), (255, 0, 0, 255))
    below.paste((0, 0, 255, 255), (0, 0, 3, 30))
    above = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    ImageDraw.Draw(above).rectangle((5, 5, 14, 14), fill=(0, 255, 0, 255))
    content = pictures.animation([below, above], "PNG", blend=blend, disposal=PngImagePlugin.Disposal.OP_NONE)
    last = shown(load(content))[-1]
    assert tuple(last[10, 10]) == GREEN
    assert tuple(last[25, 35]) == (RED if blend is PngImagePlugin.Blend.OP_OVER else WHITE)


def test_the_still_of_an_apng_is_no_part_of_its_animation(load: Load) -> None:
    still = Image.new("RGB", (40, 30), "yellow")
    moves = pictures.drawing_that_moves(40, 3)
    resized = [frame.resize((40, 30)) for frame in moves]
    content = pictures.animation([still, *resized], "PNG", default_image=True)
    assert len(load(content)) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_the_still_of_an_apng_is_counted_nowhere(tmp_path: Path, count: int) -> None:
    moves = [frame.resize((40, 30)) for frame in pictures.drawing_that_moves(40, count)]
    content = pictures.animation([Image.new("RGB", (40, 30), "yellow"), *moves], "PNG", default_image=True)
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.frames, facts.seconds) == (Kind.ANIMATION, count, count / 10)
    fitted = fit(tmp_path, content)
    assert (fitted.content_type, fitted.quality.frames_in, fitted.quality.frames_out) == ("image/gif", count, count)
    assert not any("frames" in lost for lost in fitted.given_up)
    first = fit(tmp_path, content, choice=Choice(Form.FIRST_FRAME))
    with Image.open(first.path) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == moves[0].convert("RGB").getpixel((0, 0))


def test_half_transparent_pixels_of_a_webp_lie_on_one_ground(load: Load) -> None:
    frames = []
    for at in range(3):
        frame = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
        ImageDraw.Draw(frame).ellipse((5 + at * 5, 5, 30 + at * 5, 30), fill=(0, 0, 200, 128))
        frames.append(frame)
    loaded = load(pictures.animation(frames, "WEBP", lossless=True))
    first = shown(loaded)[0]
    assert tuple(first[0, 0]) == WHITE
    assert np.abs(first[17, 15].astype(int) - (127, 127, 227)).max() < 4
    assert loaded.given_up == ("transparency flattened on white",)


def webp_of_pieces(size: tuple[int, int], pieces: Sequence[tuple[tuple[int, int], Image.Image]]) -> bytes:
    """Write an animated WebP of opaque frames, each at its corner (even numbers), without the flag of transparency."""

    def short(number: int) -> bytes:
        return number.to_bytes(3, "little")

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)

    chunks = [chunk(b"VP8X", bytes([2, 0, 0, 0]) + short(size[0] - 1) + short(size[1] - 1)), chunk(b"ANIM", bytes(6))]
    for (left, top), image in pieces:
        box = b"".join(map(short, (left // 2, top // 2, image.width - 1, image.height - 1, 100)))
        chunks.append(chunk(b"ANMF", box + b"\2" + pictures.save(image, "WEBP", quality=90)[12:]))
    body = b"".join([b"WEBP", *chunks])
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def test_what_the_opaque_frames_of_a_webp_leave_free_is_not_black(load: Load) -> None:
    colors = [Image.new("RGB", (20, 20), color) for color in ((200, 30, 30), (30, 30, 200))]
    loaded = load(webp_of_pieces((60, 40), [((10, 10), colors[0]), ((30, 10), colors[1])]))
    first, last = shown(loaded)
    assert tuple(first[0, 0]) == tuple(last[39, 59]) == WHITE
    assert np.abs(last[20, 40].astype(int) - (30, 30, 200)).max() < 6
    assert loaded.given_up == ("transparency flattened on white",)


def test_a_white_logo_is_laid_on_dark_grey_in_every_frame(load: Load) -> None:
    frames = [Image.new("RGBA", (60, 40), (0, 0, 0, 0)) for _ in range(3)]
    for at, frame in enumerate(frames[1:]):
        ImageDraw.Draw(frame).ellipse((5 + at * 10, 5, 35 + at * 10, 35), fill=(255, 255, 255, 255))
    loaded = load(pictures.animation(frames, "PNG", loop=0))
    corners = {tuple(int(level) for level in pixels[0, 59]) for pixels in shown(loaded)}
    assert len(corners) == 1
    assert corners != {WHITE}


@pytest.mark.parametrize(("kind", "plays", "loop"), [
    ("GIF", 0, 0), ("GIF", 3, 3), ("WEBP", 0, 0), ("WEBP", 1, None), ("WEBP", 4, 3),
    ("PNG", 0, 0), ("PNG", 1, None), ("PNG", 3, 2),
])  # fmt: skip
def test_how_often_it_is_played_is_kept(load: Load, kind: str, plays: int, loop: int | None) -> None:
    assert load(pictures.animation(pictures.drawing_that_moves(40, 3), kind, loop=plays)).loop == loop


def test_a_delay_that_players_do_not_keep_is_taken_as_they_take_it(load: Load) -> None:
    content = pictures.animation(pictures.drawing_that_moves(40, 4), milliseconds=[10, 20, 30, 500])
    assert load(content).milliseconds == [100, 20, 30, 500]


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
@pytest.mark.parametrize("wait", [11, 16, 17, 19])
def test_sixty_frames_a_second_keep_their_tempo(tmp_path: Path, kind: str, wait: int) -> None:
    facts = probe(tmp_path, pictures.animation(pictures.drawing_that_moves(60, 9), kind, milliseconds=wait))
    frames = load_frames(tmp_path / "upload", facts, 1920)
    assert facts.seconds == pytest.approx(9 * wait / 1000)
    assert 9 * wait <= sum(frames.milliseconds) <= 9 * wait + 9  # the last of an odd number is shown for 20 ms
    assert min(frames.milliseconds) >= 20
    assert len(frames) == 5
    assert frames.given_up[0].startswith("4 of 9 frames left out, since players of GIFs keep no delay under 20 ms")


def test_fractions_of_milliseconds_do_not_add_up(tmp_path: Path) -> None:
    facts = probe(tmp_path, pictures.animation(pictures.drawing_that_moves(60, 30), "PNG", milliseconds=1000 / 24))
    assert facts.seconds == pytest.approx(30 / 24, abs=0.001)
    assert sum(load_frames(tmp_path / "upload", facts, 1920).milliseconds) == pytest.approx(30_000 / 24, abs=1)


def test_a_last_frame_that_is_too_short_takes_its_time_from_the_others(load: Load) -> None:
    content = pictures.animation(pictures.drawing_that_moves(60, 3), "WEBP", lossless=True, milliseconds=[50, 100, 12])
    assert load(content).milliseconds == [50, 92, 20]


@pytest.mark.parametrize("loop", [0, None])
@pytest.mark.parametrize("count", [59, 60, 61, 130])
def test_however_many_are_blank_the_first_shows_something(load: Load, count: int, loop: int | None) -> None:
    blank = [Image.new("RGB", (40, 40), (shade, 0, 0)) for shade in range(count)]
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    frames = load(pictures.animation([*blank, *pictures.drawing_that_moves(40, 3)], milliseconds=40, **options))
    assert shown(frames)[0].std() > 10
    assert len(shown(frames)) == len(frames) == len(frames.milliseconds) == (count + 3 if loop == 0 else 3)
    assert sum(frames.milliseconds) == 40 * (count + 3)
    assert f"begins with frame {count + 1}, the first that shows something" in frames.given_up[0]


def test_frames_that_show_nothing_new_are_told(load: Load) -> None:
    green = ((5, 5, 15, 15), 2, 1)
    frames = load(gif((40, 30), [((0, 0, 40, 30), 1, 1), green, green, green]))
    assert (len(frames), frames.milliseconds) == (2, [100, 300])
    assert frames.given_up == ("2 of 4 frames show nothing new; the one before each stays that much longer",)


def test_no_frame_stays_longer_than_a_gif_can_say(load: Load) -> None:
    content = pictures.animation(
        pictures.drawing_that_moves(40, 3), "WEBP", lossless=True, milliseconds=[100, 700_000, 100]
    )
    assert load(content).milliseconds == [100, 655_350, 100]


@pytest.mark.parametrize("loop", [0, None])
def test_what_is_blank_at_the_beginning_does_not_stand_first(load: Load, loop: int | None) -> None:
    drawn = pictures.drawing_that_moves(80, 3)
    blank = [Image.new("RGB", (80, 80), color) for color in ("white", (250, 250, 250))]
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    content = pictures.animation([*blank, *drawn], milliseconds=[200, 300, 100, 100, 100], **options)
    frames = load(content)
    assert shown(frames)[0].std() > 10
    assert sum(frames.milliseconds) == 800
    assert frames.milliseconds == ([100, 100, 100, 200, 300] if loop == 0 else [600, 100, 100])
    assert any("begins with frame 3" in said for said in frames.given_up)


def test_what_is_blank_throughout_stays_as_it_is(load: Load) -> None:
    frames = load(pictures.animation([Image.new("RGB", (40, 30), (shade, shade, shade)) for shade in (0, 2, 4)], "PNG"))
    assert len(frames) == 3
    assert frames.given_up == ()


def test_a_frame_that_shows_nothing_new_prolongs_the_one_before(load: Load) -> None:
    one, other = pictures.drawing_that_moves(40, 2)
    frames = load(pictures.animation([one, one, one, other], "WEBP", lossless=True, milliseconds=70))
    assert frames.milliseconds == [210, 70]


def test_many_large_frames_are_kept_smaller(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    monkeypatch.setattr("app.fit.frames._MOST_KEPT_BYTES", 1_000_000)
    frames = load(pictures.animation(pictures.pan(320, 240, 20), "WEBP"))
    assert frames.bytes <= 1_000_000
    assert len(frames) == 20
    assert max(frames.size) < 320
    assert frames.size[0] * 3 == pytest.approx(frames.size[1] * 4, abs=4)


def test_a_recording_of_a_screen_is_kept_at_its_full_side(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    monkeypatch.setattr("app.fit.frames._MOST_KEPT_BYTES", 1_000_000)
    screens = [pictures.screenshot(480, 800).crop((0, top, 480, top + 360)) for top in range(0, 200, 10)]
    frames = load(pictures.animation(screens, "WEBP", lossless=True))
    assert frames.size == (480, 360)
    assert frames.bytes <= 1_000_000
    for wanted, pixels in zip(screens, frames.replay(), strict=True):
        assert np.array_equal(pixels, np.asarray(wanted))


def test_what_is_replayed_is_what_was_added() -> None:
    chance = np.random.default_rng(1)
    frames, kept = Frames((30, 20), None), []
    canvas = chance.integers(0, 255, (20, 30, 3), np.uint8)
    for _ in range(20):
        top, left = chance.integers(0, 18), chance.integers(0, 28)
        canvas = canvas.copy()
        canvas[top : top + 2, left : left + 2] += 1
        frames.add(canvas, 50)
        kept.append(canvas)
    assert all((one == other).all() for one, other in zip(frames.replay(), kept, strict=True))
    assert frames.bytes < 20 * 30 * 3 + 20 * 12


def test_the_box_around_nothing_is_none() -> None:
    before = np.zeros((5, 7), np.uint8)
    after = before.copy()
    assert changed_box(before, after) is None
    after[2, 3] = after[4, 1] = 1
    assert changed_box(before, after) == (1, 2, 4, 5)


def test_a_box_is_around_what_differs_in_any_channel() -> None:
    before = np.zeros((5, 7, 3), np.uint8)
    for channel in range(3):
        after = before.copy()
        after[2, 3, channel] = after[4, 6, 2 - channel] = 1
        assert changed_box(before, after) == (3, 2, 7, 5)


def test_a_file_that_breaks_off_is_damaged(tmp_path: Path) -> None:
    content = pictures.animation(pictures.pan(100, 80, 5), "WEBP")
    file = tmp_path / "upload"
    file.write_bytes(content)
    facts: Facts = probe_media(file, max_pixels=1_000_000)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaDamaged):
        load_frames(file, facts, 1920)
    assert Image.open(io.BytesIO(content)).format == "WEBP"
