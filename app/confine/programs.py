"""Programs that decode beside us, such as ffmpeg and gifsicle: found, started without a shell, gone with their decoder."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from app.confine.decoder import die_with_parent

# Which demuxer reads what: forced, so that a playlist named .mp4 is not opened as the playlist that it is.
_DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/3gpp": "mov",
    "audio/mp4": "mov",
    "video/x-matroska": "matroska",
    "video/webm": "matroska",
    "video/x-msvideo": "avi",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/amr": "amr",
    "audio/wav": "wav",
    "audio/aac": "aac",
}
CLIP_TYPES = frozenset(_DEMUXERS)


@cache
def gifsicle_path() -> str | None:
    """Find gifsicle beside our Python or on the path."""
    beside = Path(sys.executable).parent / "gifsicle"
    return str(beside) if beside.exists() else shutil.which("gifsicle")


@cache
def ffmpeg_path() -> str | None:
    """Find the ffmpeg that imageio-ffmpeg brings, or the one on the path."""
    package = importlib.util.find_spec("imageio_ffmpeg")  # not imported: its binary is all that we want
    folders = package.submodule_search_locations if package else None
    brought = [str(path) for folder in folders or () for path in Path(folder, "binaries").glob("ffmpeg-*")]
    return min(brought) if brought else shutil.which("ffmpeg")


def run_program(command: Sequence[str], *, input_bytes: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, under the limits that this process has; it dies when this process dies."""
    return subprocess.run(
        command,
        input=input_bytes,
        capture_output=True,
        check=False,
        preexec_fn=die_with_parent,
    )


def run_ffmpeg(
    path: Path, content_type: str, *options: str, opening: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg over one untrusted file: one demuxer, no protocol but files, the first error is the end.

    ``opening`` are options of the input, such as where to begin.

    Raises:
        FileNotFoundError: there is no ffmpeg here.
    """
    program = ffmpeg_path()
    if program is None:
        raise FileNotFoundError("ffmpeg")
    demuxer = _DEMUXERS.get(content_type, "mov")
    source = ["-protocol_whitelist", "file,pipe", "-f", demuxer, *opening, "-i", f"file:{path}"]
    return run_program([program, "-hide_banner", "-nostdin", "-v", "error", "-xerror", "-y", *source, *options])


def run_ffmpeg_on_own(path: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg over an intermediate file that we made ourselves.

    Raises:
        FileNotFoundError: there is no ffmpeg here.
    """
    program = ffmpeg_path()
    if program is None:
        raise FileNotFoundError("ffmpeg")
    source = ["-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
    return run_program([program, "-hide_banner", "-nostdin", "-v", "error", "-y", *source, *options])
