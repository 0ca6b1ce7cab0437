"""Clips made on the spot by the ffmpeg that also fits them: a moving test picture with grain, and a tone."""

import tempfile
from functools import cache
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_program

PLACE = "+51.4778-000.0014/"


def make(name: str, *options: str) -> bytes:
    """Run ffmpeg with ``options`` into a file of this name; gives its bytes."""
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
    content = make(name, *pictures, *tone, *codec, "-metadata", f"location={PLACE}", "-shortest")
    if not rotated:
        return content
    with tempfile.TemporaryDirectory() as folder:
        upright = Path(folder) / name
        upright.write_bytes(content)
        return make(f"turned{upright.suffix}", "-display_rotation", "90", "-i", str(upright), "-c", "copy")


@cache
def repeated(seconds: int, *, size: str = "160x90", rate: int = 10, crf: int = 35) -> bytes:
    """Make a long MP4 of few bytes: two drawn seconds, played over and over."""
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.mp4"
        drawn = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d=2", "-f", "lavfi", "-i", "sine=f=440:d=2")
        piece.write_bytes(make("drawn.mp4", *drawn, "-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf)))
        return make("long.mp4", "-stream_loop", str(seconds // 2 - 1), "-i", str(piece), "-c", "copy")


@cache
def sound(name: str = "sound.wav", seconds: int = 5) -> bytes:
    """Make a sound file of the kind that ``name`` ends with."""
    special = ("-ar", "8000", "-ac", "1") if name.endswith("amr") else ()
    return make(name, "-f", "lavfi", "-i", f"sine=f=440:d={seconds}", *special)


@cache
def coded(
    name: str, *codec: str, seconds: float = 2, source: str = "testsrc2=s=320x180:r=30:d={seconds}", tone: bool = True
) -> bytes:
    """Make a clip of any source and codec: ``codec`` are ffmpeg's options of the output, ``source`` a filter chain."""
    sound = ("-f", "lavfi", "-i", f"sine=f=440:d={seconds}") if tone else ()
    return make(name, "-f", "lavfi", "-i", source.format(seconds=seconds), *sound, *codec)


@cache
def hdr(transfer: str = "smpte2084", seconds: float = 1) -> bytes:
    """Make an HDR clip as phones do: HEVC, 10 bit, BT.2020, of colour bars that an SDR picture was brought into."""
    tagged = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    to_light = f"{tagged},zscale=t=linear:npl=203,format=gbrpf32le"
    back = f"zscale=p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    return make(
        "hdr.mov", "-f", "lavfi", "-i", f"smptebars=s=320x180:r=25:d={seconds}", "-vf", f"format=yuv444p,{to_light},{back}",
        "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1",
        "-x265-params", f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc", *tags,
    )  # fmt: skip


@cache
def with_uneven_times() -> bytes:
    """Make a clip of variable frame rate: a second at 30 pictures, then one at 10."""
    picked = "select='lt(t,1)+gte(t,1)*not(mod(n,3))'"
    return make(
        "uneven.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-f", "lavfi", "-i", "sine=f=440:d=2",
        "-vf", picked, "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-shortest",
    )  # fmt: skip


def frame_of(content: bytes, at_seconds: float, size: tuple[int, int]) -> bytes:
    """Decode one picture, as RGB of ``size``."""
    with tempfile.TemporaryDirectory() as folder:
        clip_file = Path(folder) / "clip"
        clip_file.write_bytes(content)
        return make(
            "frame.rgb", "-ss", str(at_seconds), "-i", str(clip_file), "-frames:v", "1",
            "-vf", f"scale={size[0]}:{size[1]},format=rgb24", "-f", "rawvideo",
        )  # fmt: skip


def described(content: bytes) -> str:
    """Give what ffmpeg prints of a file's container and streams."""
    with tempfile.TemporaryDirectory() as folder:
        clip_file = Path(folder) / "clip"
        clip_file.write_bytes(content)
        done = run_program([ffmpeg_path() or "ffmpeg", "-hide_banner", "-i", str(clip_file)])
        return done.stderr.decode("utf-8", "replace")
