"""Clips made on the spot by the ffmpeg that also fits them: a moving test picture with grain, and a tone."""

import tempfile
from functools import cache
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_program

PLACE = "+51.4778-000.0014/"


def _make(name: str, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / name
        done = run_program([ffmpeg_path() or "ffmpeg", "-v", "error", "-y", *options, str(made)])
        assert done.returncode == 0, done.stderr.decode()
        return made.read_bytes()


@cache
def clip(
    name: str = "clip.mp4",
    seconds: int = 4,
    *,
    size: str = "640x360",
    rate: int = 30,
    rotated: bool = False,
    sound: bool = True,
) -> bytes:
    """Make a clip in the container that ``name`` ends with, with the place where it was taken."""
    pictures = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=12:allf=t")
    tone = ("-f", "lavfi", "-i", f"sine=f=440:d={seconds}") if sound else ()
    codec = (
        ("-c:v", "libvpx", "-b:v", "2M", "-c:a", "libvorbis")
        if name.endswith("webm")
        else ("-c:v", "libx264", "-preset", "ultrafast")
    )
    content = _make(name, *pictures, *tone, *codec, "-metadata", f"location={PLACE}", "-shortest")
    if not rotated:
        return content
    with tempfile.TemporaryDirectory() as folder:
        upright = Path(folder) / name
        upright.write_bytes(content)
        return _make(f"turned{upright.suffix}", "-display_rotation", "90", "-i", str(upright), "-c", "copy")


@cache
def repeated(seconds: int, *, size: str = "160x90", rate: int = 10, crf: int = 35) -> bytes:
    """Make a long MP4 of few bytes: two drawn seconds, played over and over."""
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.mp4"
        drawn = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d=2", "-f", "lavfi", "-i", "sine=f=440:d=2")
        piece.write_bytes(_make("drawn.mp4", *drawn, "-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf)))
        return _make("long.mp4", "-stream_loop", str(seconds // 2 - 1), "-i", str(piece), "-c", "copy")


@cache
def sound(name: str = "sound.wav", seconds: int = 5) -> bytes:
    """Make a sound file of the kind that ``name`` ends with."""
    special = ("-ar", "8000", "-ac", "1") if name.endswith("amr") else ()
    return _make(name, "-f", "lavfi", "-i", f"sine=f=440:d={seconds}", *special)
