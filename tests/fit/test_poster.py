"""The still that stands for a video: neither black nor a flash, from the cut, always the same."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import MediaUnsupported
from app.fit.poster import choose_frame, make_poster
from app.model.media import Budget, Choice, Fitted, Form
from tests.media import clips
from tests.media.fitting import UNIVERSAL, fit, probe

_CODEC = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
# A second of black, a white flash, then two seconds that show something.
_FADE_IN = (
    "color=black:s=320x180:r=25:d=1[a];color=white:s=320x180:r=25:d=0.2[b];testsrc2=s=320x180:r=25:d=2[c];"
    "[a][b][c]concat=n=3:v=1:a=0"
)


def poster(folder: Path, content: bytes, choice: Choice | None = None) -> Fitted:
    facts = probe(folder, content)
    return make_poster(folder / "upload", facts, UNIVERSAL, folder, choice or Choice())


def pixels_of(fitted: Fitted) -> "np.typing.NDArray[np.uint8]":
    with Image.open(io.BytesIO(fitted.path.read_bytes())) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("key_frames", ["10", "250"])
def test_a_black_beginning_and_a_flash_are_not_shown(tmp_path: Path, key_frames: str) -> None:
    content = clips.coded("fade.mp4", *_CODEC, "-g", key_frames, source=_FADE_IN, tone=False)
    made = poster(tmp_path, content)
    assert (made.content_type, made.width, made.height) == ("image/jpeg", 320, 180)
    luma = pixels_of(made).mean(axis=2)
    assert 40 < luma.mean() < 220
    assert luma.std() > 30
    assert made.given_up[0].startswith("one picture, at about ")


def test_it_is_taken_from_the_cut(tmp_path: Path) -> None:
    half = "color={color}:s=160x90:r=25:d=2,drawbox=c=white:w=60"
    halves = f"{half.format(color='red')}[a];{half.format(color='blue')}[b];[a][b]concat"
    content = clips.coded("halves.mp4", *_CODEC, "-g", "10", source=halves, tone=False)
    for start, channel in ((0.0, 0), (2.1, 2)):
        color = pixels_of(poster(tmp_path, content, Choice(start=start, seconds=1.5)))[:, 100:].mean(axis=(0, 1))
        assert int(np.argmax(color)) == channel


def test_a_turned_clip_gives_an_upright_picture_without_its_place(tmp_path: Path) -> None:
    made = fit(tmp_path, clips.clip("clip.mp4", rotated=True), choice=Choice(Form.FIRST_FRAME))
    assert (made.width, made.height) == (360, 640)
    assert clips.PLACE.encode() not in made.path.read_bytes()


def test_a_small_budget_is_kept(tmp_path: Path) -> None:
    made = fit(tmp_path, clips.clip("clip.mp4"), Budget(9_000, 200), Choice(Form.FIRST_FRAME))
    assert made.bytes <= 9_000
    assert max(made.width, made.height) <= 200


def test_the_same_video_gives_the_same_picture(tmp_path: Path) -> None:
    content = clips.clip("clip.mp4")
    assert len({poster(tmp_path, content).sha256 for _ in range(3)}) == 1


def test_where_pictures_may_not_go_out_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaUnsupported):
        fit(tmp_path, clips.clip("clip.mp4"), Budget(90_000, 640, ("video/mp4",)), Choice(Form.FIRST_FRAME))


def test_a_video_of_one_picture_and_an_all_black_one_have_posters_too(tmp_path: Path) -> None:
    one = clips.coded("one.mkv", *_CODEC, seconds=0.04, tone=False)
    assert poster(tmp_path, one).width == 320
    black = clips.coded("black.mp4", *_CODEC, source="color=black:s=320x180:r=25:d=1", tone=False)
    assert poster(tmp_path, black).width == 320


def test_of_pictures_the_sharp_and_usual_one_is_chosen() -> None:
    rng = np.random.default_rng(1)
    usual = rng.integers(60, 190, (90, 160, 3), dtype=np.uint8)
    flat = np.full_like(usual, 128)
    odd = (usual // 4).astype(np.uint8)
    assert choose_frame(np.stack([np.zeros_like(usual), odd, flat, usual, usual, usual])) == 3


def test_the_first_picture_is_that_of_the_cut_and_its_time_is_told(tmp_path: Path) -> None:
    part = "color={color}:s=160x90:r=25:d={seconds},drawbox=c=white:w=60:t=fill"
    source = (
        f"{part.format(color='red', seconds=0.04)}[a];{part.format(color='lime', seconds=9.96)}[b];"
        f"{part.format(color='blue', seconds=2)}[c];[a][b][c]concat=n=3"
    )
    content = clips.coded("parts.mp4", *_CODEC, "-g", "250", source=source, tone=False)
    for start, channel in ((0.0, 0), (0.04, 1), (9.96, 1), (10.0, 2)):
        made = fit(tmp_path, content, choice=Choice(Form.FIRST_FRAME, start=start))
        assert int(np.argmax(pixels_of(made)[:, 100:].mean(axis=(0, 1)))) == channel
        assert made.given_up[0] == f"one picture instead of the video: the first, at {start:.2f} seconds"


def test_black_and_white_beginnings_are_skipped_and_the_time_is_that_of_the_picture(tmp_path: Path) -> None:
    content = clips.coded("fade.mp4", *_CODEC, source=_FADE_IN, tone=False)
    made = fit(tmp_path, content, choice=Choice(Form.FIRST_FRAME))
    assert pixels_of(made).std() > 30
    assert made.given_up[0].startswith("one picture instead of the video: the first that shows something, at 1.")
    assert 1.2 <= float(made.given_up[0].split()[-2]) < 1.45
