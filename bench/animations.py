"""Animations to the universal profile, CPU of this process and of the programs that it starts.

The peer is Pillow alone: all frames, smaller by a tenth until it fits.
"""

import io
import math
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from app.fit import fit_media
from app.limits import budget_of, profile_named
from app.model.media import Fitted
from app.probe import probe_media
from bench.photos import photographs
from tests.media import pictures

Row = dict[str, Any]
_BUDGET = budget_of(profile_named("universal"))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _row(what: str, value: float, unit: str = "", target: str = "", *, met: bool = True) -> Row:
    return {"what": what, "value": round(value, 4), "unit": unit, "target": target, "met": met}


def _footage(width: int, height: int, count: int) -> list[Image.Image]:
    """Move a camera over a real photograph."""
    scene = Image.open(io.BytesIO(photographs()[1][1])).convert("RGB")
    frames = []
    for index in range(count):
        zoom = 1 + 0.3 * index / count
        across = int(2400 / zoom)
        left, top = 300 + 800 * index // count, 200 + 300 * index // count
        frames.append(
            scene.crop((left, top, left + across, top + across * height // width)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
    return frames


def _advert(side: int, count: int) -> list[Image.Image]:
    """Let five discs pass and a band with a text swing."""
    colors = ((200, 60, 60), (60, 160, 90), (60, 90, 200), (220, 180, 40), (120, 60, 160))
    frames = []
    for index in range(count):
        frame = Image.new("RGB", (side, side), (250, 240, 220))
        draw = ImageDraw.Draw(frame)
        for disc, color in enumerate(colors):
            left, top = (index * 9 + disc * 130) % (side + 100) - 50, 80 + disc * 100
            draw.ellipse((left, top, left + 90, top + 90), fill=color)
        top = int(300 + 80 * math.sin(index / 5))
        draw.rectangle((60, top, side - 60, top + 60), fill=(30, 30, 40))
        draw.text((120, top + 10), "SALE ends today 50% off", fill=(255, 255, 255), font_size=36)
        frames.append(frame)
    return frames


def _pillow(frames: Sequence[Image.Image]) -> tuple[int, float]:
    """Fit with Pillow alone; returns the picture area and CPU seconds."""
    began = _cpu()
    side = float(max(frames[0].size))
    factor = 1.0
    while True:
        size = max(1, int(frames[0].width * factor)), max(1, int(frames[0].height * factor))
        smaller = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
        content = pictures.animation(smaller, loop=0, milliseconds=60)
        if len(content) <= _BUDGET.max_bytes or side * factor < 16:
            return size[0] * size[1], _cpu() - began
        factor *= 0.9


def _fit(content: bytes, folder: Path) -> tuple[Fitted, float]:
    path = folder / "upload"
    path.write_bytes(content)
    facts = probe_media(path, max_pixels=200_000_000)
    began = _cpu()
    return fit_media(path, facts, _BUDGET, folder), _cpu() - began


def _animation(what: str, frames: Sequence[Image.Image], folder: Path) -> list[Row]:
    fitted, seconds = _fit(pictures.animation(frames, loop=0, milliseconds=60), folder)
    share = fitted.bytes / _BUDGET.max_bytes
    area, peer_seconds = _pillow(frames)
    shown = fitted.quality.frames_out / len(frames)
    ratio = fitted.width * fitted.height / area
    return [
        _row(f"{what}: bytes", share, "of the budget", "0.97 at least", met=share >= 0.97),
        _row(f"{what}: encoder runs", fitted.quality.encodes, "", "4 at most", met=fitted.quality.encodes <= 4),
        _row(f"{what}: side", max(fitted.width, fitted.height), "px"),
        _row(f"{what}: frames kept", shown),
        _row(f"{what}: picture area beside Pillow's, which keeps all frames", ratio, "", "4 at least", met=ratio >= 4),
        _row(f"{what}: SSIM against the original scaled", fitted.quality.ssim or 0.0),
        _row(f"{what}: CPU beside Pillow's", seconds / peer_seconds, "", "1 at most", met=seconds <= peer_seconds),
    ]


def run() -> list[Row]:
    """Measure footage and flat art."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            *_animation("footage 480x360, 24 frames", _footage(480, 360, 24), folder),
            *_animation("flat art with text 640x640, 60 frames", _advert(640, 60), folder),
        ]


if __name__ == "__main__":
    for row in run():
        print(row)
