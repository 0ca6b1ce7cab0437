"""Two hundred megapixels, through the confined pool: fitted in little memory where the format allows, else refused in words."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from app.confine import DecoderPool
from app.errors import MediaTooBig
from app.fit.media import DECODERS as FITTING
from app.model.media import Budget
from app.probe import probe_media
from app.probe.media import DECODERS as PROBING
from tests.media.jobs import probe_and_fit_large
from tests.media.pictures import png_chunk

WIDTH, HEIGHT = 16_320, 12_240
BUDGET = Budget(285_904, 1920)


def pool_of(memory_bytes: int) -> DecoderPool:
    return DecoderPool(1, seconds=90, memory_bytes=memory_bytes, preload=[*PROBING, *FITTING, "tests.media.jobs"])


@pytest.fixture
def roomy() -> Iterator[DecoderPool]:
    pool = pool_of(2_000_000_000)
    yield pool
    pool.close()


@pytest.fixture
def tight() -> Iterator[DecoderPool]:
    pool = pool_of(150_000_000)
    yield pool
    pool.close()


def large_jpeg(folder: Path) -> Path:
    gray = np.empty((HEIGHT, WIDTH, 1), np.uint8)
    gray[..., 0] = np.arange(WIDTH) // 64
    gray[::977] = 255
    file = folder / "large.jpg"
    file.write_bytes(simplejpeg.encode_jpeg(gray, 80, "GRAY"))
    return file


def large_png(folder: Path) -> Path:
    """Write row after row: the picture is never whole in memory here."""
    packer = zlib.compressobj(1)
    row = b"\0" + bytes(at // 64 for at in range(WIDTH))
    packed = b"".join(packer.compress(row) for _ in range(HEIGHT)) + packer.flush()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    file = folder / "large.png"
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    )
    return file


def test_a_jpeg_is_decoded_at_an_eighth_so_its_size_is_no_matter(tight: DecoderPool, tmp_path: Path) -> None:
    fitted = tight.run(probe_and_fit_large, large_jpeg(tmp_path), BUDGET, tmp_path)
    assert (fitted.width, fitted.height) == (1920, 1440)
    assert fitted.path.stat().st_size <= BUDGET.max_bytes


def test_a_png_is_fitted_where_its_pixels_have_room_and_refused_where_not(
    roomy: DecoderPool, tight: DecoderPool, tmp_path: Path
) -> None:
    file = large_png(tmp_path)
    fitted = roomy.run(probe_and_fit_large, file, BUDGET, tmp_path)
    assert (fitted.width, fitted.height) == (1920, 1440)
    assert fitted.path.stat().st_size <= BUDGET.max_bytes
    with pytest.raises(MediaTooBig, match="150,000,000 bytes of memory"):
        tight.run(probe_and_fit_large, file, BUDGET, tmp_path)


def test_one_pixel_more_is_refused_before_it_is_decoded(tight: DecoderPool, tmp_path: Path) -> None:
    with pytest.raises(MediaTooBig) as caught:
        tight.run(probe_media, large_png(tmp_path), max_pixels=WIDTH * HEIGHT - 1)
    assert caught.value.facts["pixels"] == WIDTH * HEIGHT
