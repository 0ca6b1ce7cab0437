"""What others make of a photograph: Pillow as most programs use it, and sharp, the best that is in wide use."""

import io
import json
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from app.model.media import Budget

_FOLDER = Path(__file__).parent / "sharp"


def cpu_seconds() -> float:
    """Tell the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def pillow_search(data: bytes, budget: Budget) -> tuple[bytes, float]:
    """Fit as most programs do: thumbnail, then halve the interval of qualities; returns the JPEG and CPU seconds."""
    before = cpu_seconds()
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
    return best, cpu_seconds() - before


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


def sharp_search(data: bytes, budget: Budget, encoder: str) -> tuple[bytes, float]:
    """Fit with sharp, one thread, halving the interval of qualities; returns the JPEG and CPU seconds inside Node.

    ``encoder`` is default, mozjpeg (progressive) or mozjpeg-baseline.
    """
    with tempfile.TemporaryDirectory() as folder:
        picture, out = Path(folder, "picture.jpg"), Path(folder, "out.jpg")
        picture.write_bytes(data)
        command = ["node", str(_FOLDER / "search.mjs"), str(picture), str(budget.max_bytes), str(budget.side_pixels)]
        told = subprocess.run([*command, encoder, str(out)], capture_output=True, check=True, cwd=_FOLDER)
        return out.read_bytes(), float(json.loads(told.stdout)["seconds"])
