"""Real photographs for the benchmarks: from Debian's lomiri-wallpapers where they can be had, else made on the spot."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from PIL import Image

from tests.media import pictures

_PACKAGES = ("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04")
# Eight that need the room of 290,000 bytes, from one that nearly fits at the highest quality to the hardest of the packages.
_NAMES = ("Bridge", "Dragonfly", "Kleiber", "aitzgorri", "life", "picosdeeuropa", "seeding", "sunset")
_INSTALLED = Path("/usr/share/backgrounds")
_SIZE = (4032, 3024)


def _wallpapers(folder: Path) -> list[Path]:
    """Find the pictures, installed or by unpacking the packages into ``folder``; empty when there is no way."""
    found = [path for name in _NAMES for path in _INSTALLED.glob(f"{name}*.jpg")]
    if len(found) == len(_NAMES):
        return found
    try:
        for package in _PACKAGES:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True, capture_output=True)
        for archive in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [path for name in _NAMES for path in folder.glob(f"usr/share/backgrounds/{name}*.jpg")]


def _as_phone_photo(path: Path) -> Image.Image:
    """Crop to 4:3, lay on its side, scale to 12 megapixels."""
    image = Image.open(path).convert("RGB")
    if image.height > image.width:
        image = image.rotate(90, expand=True)
    width = min(image.width, image.height * 4 // 3)
    height = min(image.height, image.width * 3 // 4)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height)).resize(_SIZE, Image.Resampling.LANCZOS)


@cache
def photographs() -> tuple[tuple[str, bytes], ...]:
    """Make eight JPEGs of 12 megapixels, quality 92, 4:2:0, EXIF orientation 1, 3 or 6, each with its name."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = [(path.stem.split("_")[0], _as_phone_photo(path)) for path in _wallpapers(Path(folder))]
    if not pairs:
        pairs = [(f"made {seed}", pictures.photograph(*_SIZE, seed, 0.004 * seed)) for seed in range(8)]
    return tuple(
        (name, pictures.save(image, "JPEG", quality=92, exif=pictures.exif(orientation=(1, 3, 6)[index % 3], gps=True)))
        for index, (name, image) in enumerate(pairs)
    )
