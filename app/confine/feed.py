"""ffmpeg fed with raw pictures of our own, one after the other: none of them is kept."""

import subprocess
from collections.abc import Iterable
from contextlib import suppress

from app.confine.decoder import die_with_parent
from app.confine.programs import cpu_of_programs, ffmpeg_path, require_within_limits


def feed_ffmpeg(pictures: Iterable[bytes], size: tuple[int, int], fps: float, *options: str) -> bool:
    """Have ffmpeg encode RGB pictures of ``size`` (width, height), 8 bits a channel; tells whether it went well.

    Args:
        pictures: width x height x 3 bytes each; read as fast as they are taken.
        size: of all of them.
        fps: pictures a second, all of the same length.
        options: encoder and output.

    MediaTooBig when it takes more CPU time or disk than a file may.

    Raises:
        FileNotFoundError: there is no ffmpeg here.
    """
    program = ffmpeg_path()
    if program is None:
        raise FileNotFoundError("ffmpeg")
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:.6g}", "-i", "pipe:0")
    command = [program, "-hide_banner", "-v", "error", "-y", "-protocol_whitelist", "file,pipe", *raw, *options]
    before = cpu_of_programs()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509 -- a decoder has one thread, and the kernel must know before exec
    )
    # Where it gave up its return code says so; what is left to write is written once more when the pipe is closed.
    with suppress(BrokenPipeError), process:
        if process.stdin is not None:
            for picture in pictures:
                process.stdin.write(picture)
    require_within_limits(process.returncode, cpu_of_programs() - before)
    return process.returncode == 0
