"""What judges a picture in the benchmarks: two measures that disagree about encoders, so neither is believed alone.

Both compare with a full decode of the original, reduced by LANCZOS to the wanted side; a smaller result is enlarged first.
"""

import io
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import ssimulacra2
from numpy.typing import NDArray
from PIL import Image, ImageOps

_SIGMA = 1.5
_WINDOW = (11, 11)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

Plane = NDArray[np.float32]


def reference(original: bytes, side: int) -> Image.Image:
    """Decode all of it, upright, and reduce it the slow way."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(original))).convert("RGB")
    factor = min(1.0, side / max(image.size))
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def _shown(content: bytes, size: tuple[int, int]) -> Image.Image:
    image = Image.open(io.BytesIO(content)).convert("RGB")
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def luma_ssim(wanted: Image.Image, content: bytes) -> float:
    """Tell SSIM of Wang et al. 2004 on luma: an 11 x 11 Gaussian window, sigma 1.5."""

    def blur(plane: Plane) -> Plane:
        return np.asarray(cv2.GaussianBlur(plane, _WINDOW, _SIGMA), dtype=np.float32)

    x = np.asarray(wanted.convert("L"), dtype=np.float32)
    y = np.asarray(_shown(content, wanted.size).convert("L"), dtype=np.float32)
    mean_x, mean_y = blur(x), blur(y)
    both, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance, variances = blur(x * y) - both, blur(x * x + y * y) - squares
    value = ((2 * both + _C1) * (2 * covariance + _C2)) / ((squares + _C1) * (variances + _C2))
    return float(value[5:-5, 5:-5].mean())


def _ssimulacra2(original: bytes, side: int, content: bytes) -> float:
    wanted = reference(original, side)
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "wanted.png"), Path(folder, "got.png")
        wanted.save(paths[0], compress_level=1)
        _shown(content, wanted.size).save(paths[1], compress_level=1)
        return float(ssimulacra2.compute_ssimulacra2(*map(str, paths)))


def all_ssimulacra2(jobs: list[tuple[bytes, int, bytes]]) -> list[float]:
    """Tell SSIMULACRA2 (100 the same, 90 not told apart, 70 high, 50 medium quality) of each (original, side, content).

    Two at once, several seconds each: it is done after everything whose time is measured.
    """
    columns: list[list[Any]] = [list(column) for column in zip(*jobs, strict=True)]
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(_ssimulacra2, *columns))
