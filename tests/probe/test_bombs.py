"""Small files that become large: refused with the limit that they are over, or sent without what would explode."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from app.confine import DecoderPool
from app.errors import MediaTooBig
from app.model.media import Budget, Facts, Fitted
from app.probe import probe_media
from tests.media import clips, pictures
from tests.media.jobs import probe_and_fit


def probe(folder: Path, content: bytes, max_pixels: int = 1_000_000) -> Facts:
    (folder / "upload").write_bytes(content)
    return probe_media(folder / "upload", max_pixels=max_pixels)


def test_a_clip_of_more_than_ten_minutes_is_refused(tmp_path: Path) -> None:
    assert probe(tmp_path, clips.repeated(590, size="32x32", rate=1)).seconds == pytest.approx(590, abs=9)
    with pytest.raises(MediaTooBig, match="seconds long; at most 600 are opened") as caught:
        probe(tmp_path, clips.repeated(612, size="32x32", rate=1))
    assert caught.value.facts == {"limit": 600}


def test_a_video_of_too_many_pixels_is_refused_before_one_of_them_is_decoded(tmp_path: Path) -> None:
    content = clips.coded(
        "c.mkv", "-c:v", "mjpeg", seconds=0.2, source="color=s=8000x4600:r=10:d={seconds}", tone=False
    )
    with pytest.raises(MediaTooBig, match="8,000 x 4,600 pixels") as caught:
        probe(tmp_path, content)
    assert caught.value.facts == {"limit": 36_000_000}


def test_an_animation_of_too_many_pixels_in_all_frames_is_refused(tmp_path: Path) -> None:
    def frames(count: int) -> bytes:
        return pictures.animation([pictures.photograph(40, 25, seed) for seed in range(count)])

    assert probe(tmp_path, frames(20), max_pixels=1_000).frames == 20
    with pytest.raises(MediaTooBig, match="21 frames of 40 x 25 pixels") as caught:
        probe(tmp_path, frames(21), max_pixels=1_000)
    assert caught.value.facts == {"limit": 20_000}


@pytest.fixture
def confined(tmp_path: Path) -> Iterator[Callable[[bytes], Fitted]]:
    """Fit with 300 MB for all of it: what would be unpacked is 64 MB, which a handset need not have, or 12 GB."""
    pool = DecoderPool(1, seconds=60, memory_bytes=300_000_000, preload=["app.probe.contact", "app.fit.contact"])

    def run(content: bytes) -> Fitted:
        (tmp_path / "upload").write_bytes(content)
        return pool.run(probe_and_fit, tmp_path / "upload", Budget(285_904, 1920), tmp_path)

    yield run
    pool.close()


def contact(photo: bytes, levels: int = 1) -> bytes:
    """Write a contact whose agent is a contact whose agent ..., the innermost with a photo."""
    begin = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nAGENT:\r\n" * levels
    picture = f"PHOTO;ENCODING=b;TYPE=PNG:{base64.b64encode(photo).decode()}\r\n"
    return (begin + picture + "END:VCARD\r\n" * levels).encode()


@pytest.mark.parametrize("levels", [1, 2, 3_000])
def test_a_bomb_in_the_photo_of_a_contact_does_not_go_out(confined: Callable[[bytes], Fitted], levels: int) -> None:
    for bomb in (pictures.png_bomb(), pictures.save(Image.new("L", (8_000, 8_000)), "PNG")):
        fitted = confined(contact(bomb, levels))
        assert fitted.given_up == ("photo left out",)
        assert b"PHOTO" not in fitted.path.read_bytes()
    whole = confined(contact(pictures.save(pictures.photograph(40, 30), "PNG"), levels))
    assert b"PHOTO" in whole.path.read_bytes()
