"""A video to the universal profile, CPU of this process and of the programs that it starts. LIMIT is one decode of its source."""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from app.confine.programs import ffmpeg_path, run_ffmpeg
from app.fit import fit_media
from app.limits import budget_of, profile_named
from app.model.media import Fitted
from app.probe import probe_media
from tests.media import clips

Row = dict[str, Any]
_BUDGET = budget_of(profile_named("universal"))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _row(what: str, value: float, unit: str = "", target: str = "", *, met: bool = True) -> Row:
    return {"what": what, "value": round(value, 4), "unit": unit, "target": target, "met": met}


def _fit(content: bytes, folder: Path) -> tuple[Fitted, float]:
    path = folder / "upload"
    path.write_bytes(content)
    facts = probe_media(path, max_pixels=200_000_000)
    began = _cpu()
    return fit_media(path, facts, _BUDGET, folder), _cpu() - began


def _video(folder: Path) -> list[Row]:
    if ffmpeg_path() is None:
        return [_row("video: no ffmpeg here, not measured", 0)]
    content = clips.clip("clip.mp4", 20, size="1280x720", rate=30)
    path = folder / "clip.mp4"
    path.write_bytes(content)
    began, began_wall = _cpu(), time.monotonic()
    run_ffmpeg(path, "video/mp4", "-f", "null", "-")
    limit, limit_wall = _cpu() - began, time.monotonic() - began_wall
    began_wall = time.monotonic()
    fitted, seconds = _fit(content, folder)
    wall = time.monotonic() - began_wall
    share = fitted.bytes / _BUDGET.max_bytes
    return [
        _row("video, 20 s of 720p30 with grain: bytes", share, "of the budget", "0.96 at least", met=share >= 0.96),
        _row("video: CPU", seconds / limit, "x one decode", "2 at most", met=seconds <= 2 * limit),
        _row("video: wall, probing included", wall / limit_wall, "x one decode"),
        _row("video: passes", fitted.quality.encodes, "", "3 at most", met=fitted.quality.encodes <= 3),
        _row("video: side", max(fitted.width, fitted.height), "px"),
        _row("video: SSIM against the reduced original", fitted.quality.ssim or 0.0),
    ]


def run() -> list[Row]:
    """Measure a video."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return _video(folder)


if __name__ == "__main__":
    for row in run():
        print(row)
