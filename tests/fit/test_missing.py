"""Without the libraries that are faster than Pillow, everything is fitted all the same, under the same guarantees."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from tests.media import pictures

LIBRARIES = ("cv2", "simplejpeg")
BUDGET_BYTES, SIDE = 60_000, 800
NEAR_FRAMES = 3  # of a GIF that is a little over the budget: with gifsicle its pixels are kept

# In a process of its own, since a library that was imported stays: those named on its command line cannot be.
PROGRAM = """
import importlib.abc, json, os, sys
from pathlib import Path

folder, missing = Path(sys.argv[1]), set(sys.argv[2].split(","))

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocker())
if "gifsicle" in missing:  # it is found beside our Python, or on the path
    sys.executable, os.environ["PATH"] = str(folder / "python"), str(folder)
from app.confine.programs import gifsicle_path
assert (gifsicle_path() is None) == ("gifsicle" in missing)
from app.fit import fit_media
from app.model.media import Budget
from app.probe import probe_media

budget = Budget(int(sys.argv[3]), int(sys.argv[4]))
told = {}
for file in sorted(folder.glob("in/*")):
    facts = probe_media(file, max_pixels=10_000_000)
    for fast in (False, True):
        fitted = fit_media(file, facts, budget, folder / "out", fast=fast)
        again = fit_media(file, facts, budget, folder / "out", fast=fast)
        told[f"{file.name} {'fast' if fast else 'best'}"] = {
            "path": str(fitted.path), "type": fitted.content_type, "bytes": fitted.path.stat().st_size,
            "size": [fitted.width, fitted.height], "encodes": fitted.quality.encodes, "ssim": fitted.quality.ssim,
            "frames": [fitted.quality.frames_in, fitted.quality.frames_out], "seconds": fitted.quality.seconds,
            "same": fitted.sha256 == again.sha256,
        }
assert not missing & set(sys.modules), missing & set(sys.modules)
print(json.dumps(told))
"""


def milliseconds_of(image: Image.Image) -> list[int]:
    return [int(frame.info["duration"]) for frame in ImageSequence.Iterator(image)]


def fit_without(missing: tuple[str, ...], folder: Path) -> dict[str, dict[str, Any]]:
    for name in ("in", "out"):
        (folder / name).mkdir()
    files = {
        "photo.jpg": pictures.phone_photo(1600, 1200, orientation=6),
        "photo.png": pictures.save(pictures.photograph(1000, 700), "PNG"),
        "drawing.bmp": pictures.save(pictures.flat_art(600, 400), "BMP"),
        "logo.webp": pictures.save(pictures.flat_art(900, 400, alpha=True), "WEBP", lossless=True),
        "moving.gif": pictures.animation(pictures.pan(480, 360, 6)),
        "near.gif": pictures.animation(pictures.pan(200, 150, NEAR_FRAMES), loop=0),
    }
    for name, content in files.items():
        (folder / "in" / name).write_bytes(content)
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        PROGRAM,
        str(folder),
        ",".join(missing),
        str(BUDGET_BYTES),
        str(SIDE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    "missing", [*((name,) for name in LIBRARIES), LIBRARIES, ("gifsicle",), (*LIBRARIES, "gifsicle")]
)
def test_without_a_library_everything_still_fits(missing: tuple[str, ...], tmp_path: Path) -> None:
    told = fit_without(missing, tmp_path)
    for name, fitted in told.items():
        assert fitted["bytes"] <= BUDGET_BYTES, name
        assert max(fitted["size"]) <= SIDE, name
        assert fitted["same"], name
    for setting in ("best", "fast"):
        upright = told[f"photo.jpg {setting}"]
        assert upright["size"] == [600, 800]
        assert upright["bytes"] >= 0.96 * BUDGET_BYTES
        assert upright["encodes"] <= 3
        assert upright["ssim"] > 0.8
        content = Path(upright["path"]).read_bytes()
        assert b"Exif" not in content
        assert content[:4] == b"\xff\xd8\xff\xe0"
        assert told[f"drawing.bmp {setting}"]["type"] == "image/png"
        assert told[f"drawing.bmp {setting}"]["ssim"] == 1.0
        for name in ("moving.gif", "near.gif"):
            moving = told[f"{name} {setting}"]
            assert moving["type"] == "image/gif"
            assert moving["ssim"] > 0.8
            with Image.open(moving["path"]) as image, Image.open(tmp_path / "in" / name) as original:
                shown, authored = milliseconds_of(image), milliseconds_of(original)
                assert sum(shown) == sum(authored)
                assert image.info.get("loop") == original.info.get("loop")
                assert moving["frames"] == [len(authored), len(shown)]
