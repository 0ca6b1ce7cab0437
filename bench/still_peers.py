"""What others make of a photograph: Pillow as most programs use it, and sharp, the best that is in wide use."""

import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from app.model.media import Budget
from bench.spent import Spent

_FOLDER = Path(__file__).parent / "sharp"


def pillow_search(data: bytes, budget: Budget) -> bytes:
    """Fit as most programs do: thumbnail, then halve the interval of qualities; returns the JPEG."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.thumbnail((budget.side_pixels, budget.side_pixels))
    low, high, best = 1, 96, b""
    while high - low > 1:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if len(buffer.getvalue()) <= budget.max_bytes:
            low, best = quality, buffer.getvalue()
        else:
            high = quality
    return best


def prepare_sharp() -> str:
    """Install sharp where its script stands, from its lock; returns why there is none, or nothing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "sharp is left out: there is no Node.js here"
    if not (_FOLDER / "node_modules").is_dir():
        done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=_FOLDER, capture_output=True, check=False)
        if done.returncode:
            return "sharp is left out: npm ci failed"
    return ""


def sharp_search(data: bytes, budget: Budget, encoder: str) -> tuple[bytes, Spent]:
    """Fit with sharp, one thread, halving the interval of qualities; returns the JPEG and what it took inside Node.

    ``encoder`` is default, mozjpeg (progressive) or mozjpeg-baseline.
    """
    with tempfile.TemporaryDirectory() as folder:
        picture, out = Path(folder, "picture.jpg"), Path(folder, "out.jpg")
        picture.write_bytes(data)
        command = ["node", str(_FOLDER / "search.mjs"), str(picture), str(budget.max_bytes), str(budget.side_pixels)]
        told = subprocess.run([*command, encoder, str(out)], capture_output=True, check=True, cwd=_FOLDER)
        took = json.loads(told.stdout)
        return out.read_bytes(), Spent(took["cpu"], took["wall"])
