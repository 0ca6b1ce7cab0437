"""The search for a JPEG: within the bytes, in at most three encodes of the whole, all of them counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import CannotFit
from app.fit import fit_media, still
from app.fit.arrays import Pixels
from app.fit.codecs import BEST, FAST, Codec
from app.model.media import Budget
from app.probe import probe_media
from tests.media import pictures

SHARES = (0.9, 0.6, 0.4, 0.25, 0.1, 0.05, 0.02)  # of the bytes at quality 95


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3)).astype(np.uint8))


def gradient(width: int, height: int) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    return Image.fromarray(((columns / 3 + rows / 4) % 256).astype(np.uint8)).convert("RGB")


PICTURES = {
    "an avatar": pictures.photograph(60, 40),
    "a thumbnail": pictures.photograph(130, 120),
    "a small photograph": pictures.photograph(300, 200),
    "a photograph": pictures.photograph(640, 480),
    "a tall one": pictures.photograph(40, 700),
    "noise": noise(150),
    "a little noise": noise(50),
    "a gradient": gradient(400, 300),
}


def counting(codec: Codec, shapes: list[tuple[int, ...]]) -> Codec:
    """Note the shape of all that is encoded."""

    def encode(pixels: Pixels, quality: float) -> bytes:
        shapes.append(pixels.shape[:2])
        return codec.encode(pixels, quality)

    return replace(codec, encode=encode)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("fast", [False, True], ids=["best", "fast"])
def test_no_picture_takes_more_than_three_encodes_and_each_is_counted(
    name: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []
    monkeypatch.setattr(still, "BEST", counting(BEST, shapes))
    monkeypatch.setattr(still, "FAST", counting(FAST, shapes))
    file = tmp_path / "upload"
    file.write_bytes(pictures.save(PICTURES[name], "WEBP", lossless=True))
    facts = probe_media(file, max_pixels=1_000_000)
    whole = len(BEST.encode(np.asarray(PICTURES[name]), 95))
    for max_bytes in (max(300, int(share * whole)) for share in SHARES):
        shapes.clear()
        try:
            fitted = fit_media(file, facts, Budget(max_bytes, 1920, content_types=("image/jpeg",)), tmp_path, fast=fast)
        except CannotFit:
            assert max(map(shapes.count, shapes)) <= 3
            continue
        assert fitted.bytes <= max_bytes
        assert shapes.count((fitted.height, fitted.width)) == fitted.quality.encodes <= 3


def test_what_the_least_quality_makes_short_enough_is_never_refused(tmp_path: Path) -> None:
    for image in (noise(64), pictures.photograph(64, 48), pictures.photograph(64, 30, 3), gradient(60, 60)):
        file = tmp_path / "upload"
        file.write_bytes(pictures.save(image, "WEBP", lossless=True))
        facts = probe_media(file, max_pixels=1_000_000)
        for codec, fast in ((BEST, False), (FAST, True)):
            shortest = len(codec.encode(np.asarray(image), 10))
            budget = Budget(shortest, 1920, content_types=("image/jpeg",))
            assert fit_media(file, facts, budget, tmp_path, fast=fast).bytes <= shortest
            with pytest.raises(CannotFit):
                fit_media(file, facts, replace(budget, max_bytes=shortest // 2), tmp_path, fast=fast)


@pytest.mark.parametrize("fast", [False, True], ids=["best", "fast"])
@pytest.mark.parametrize("size", [(300, 200), (400, 290), (640, 480)])
def test_small_photographs_use_the_room_too(size: tuple[int, int], fast: bool, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(pictures.save(pictures.photograph(*size), "WEBP", lossless=True))
    facts = probe_media(file, max_pixels=1_000_000)
    whole = len(BEST.encode(np.asarray(pictures.photograph(*size)), 95))
    for share in (0.8, 0.5, 0.3, 0.15):
        fitted = fit_media(file, facts, Budget(int(share * whole), 1920), tmp_path, fast=fast)
        assert 0.96 * int(share * whole) <= fitted.bytes
