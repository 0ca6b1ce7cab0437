"""Real photographs and a real screenshot, at budgets from generous to mean."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from app.fit import fit_media
from app.fit.codecs import BEST, FAST
from app.model.media import Budget, Fitted
from app.probe import probe_media

FILES = Path(__file__).parent.parent / "media" / "files"
MOST_QUALITY = {codec.name: codec.most_quality for codec in (BEST, FAST)}


def fit(name: str, max_bytes: int, folder: Path, *, fast: bool = False, side: int = 1920) -> Fitted:
    file = FILES / name
    return fit_media(file, probe_media(file, max_pixels=10_000_000), Budget(max_bytes, side), folder, fast=fast)


@pytest.mark.parametrize("fast", [False, True], ids=["best", "fast"])
@pytest.mark.parametrize("max_bytes", [150_000, 100_000, 60_000, 30_000])
@pytest.mark.parametrize("name", ["field.jpg", "mountains.jpg"])
def test_a_real_photograph_uses_the_room_in_at_most_three_encodes(
    name: str, max_bytes: int, fast: bool, tmp_path: Path
) -> None:
    fitted = fit(name, max_bytes, tmp_path, fast=fast)
    assert fitted.path.stat().st_size <= max_bytes
    assert 1 <= fitted.quality.encodes <= 3
    needs_the_room = fitted.quality.encoder_quality < MOST_QUALITY[fitted.quality.encoder]
    assert fitted.bytes >= 0.96 * max_bytes or not needs_the_room
    assert fitted.quality.ssim is not None
    assert fitted.quality.ssim > 0.75
    image = Image.open(io.BytesIO(fitted.path.read_bytes()))
    with Image.open(FILES / name) as opened:
        upright = ImageOps.exif_transpose(opened).resize(image.size).convert("L")
    assert np.abs(np.asarray(image.convert("L")).astype(int) - np.asarray(upright).astype(int)).mean() < 14
    assert "progressive" not in image.info
    assert [each[1:3] for each in image.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]  # -- 4:2:0


def test_more_room_never_looks_worse(tmp_path: Path) -> None:
    reached = [fit("mountains.jpg", room, tmp_path).quality.ssim or 0 for room in (80_000, 160_000, 320_000)]
    assert reached == sorted(reached)


def test_a_real_screenshot_stays_a_png_and_gives_up_colours_before_it_becomes_a_jpeg(tmp_path: Path) -> None:
    roomy, tight, mean = (fit("page.png", room, tmp_path) for room in (100_000, 64_000, 25_000))
    assert [roomy.content_type, tight.content_type, mean.content_type] == ["image/png", "image/png", "image/jpeg"]
    assert 128 < roomy.quality.colors <= 256  # of the 256 that a palette has, some may serve no pixel
    assert roomy.given_up == (f"reduced to {roomy.quality.colors} colours",)
    assert tight.quality.colors <= 128
    assert (tight.width, tight.height) == (1280, 927)
    for fitted in (roomy, tight):
        with Image.open(FILES / "page.png") as before, Image.open(fitted.path) as after:
            strays = np.abs(
                np.asarray(before.convert("RGB")).astype(int) - np.asarray(after.convert("RGB")).astype(int)
            )
        assert (strays.max(axis=2) > 12).mean() <= 0.002
    assert mean.bytes <= 25_000
