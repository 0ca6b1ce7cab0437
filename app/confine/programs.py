"""Programs that decode beside us, such as ffmpeg and gifsicle: found, started without a shell, gone with their decoder."""

import importlib.util
import resource
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from app.confine.decoder import die_with_parent
from app.errors import MediaTooBig
from app.model.riff import says_no_length

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
FILES_ONLY = ("-protocol_whitelist", "file,pipe")
"""Before each input: ffmpeg opens nothing else for it, whatever it refers to."""
_LINES_KEPT, _LINE_KEPT = 100, 1_000  # of what ffmpeg says beside its progress, and bytes of each
# How ffmpeg ends when the kernel tells it that its CPU time is over, or kills it for what it writes or takes.
_TOO_LONG = "took more CPU time than a file may take"
_CAUGHT = 255  # how it ends when it catches that signal; and when a decoder gives up with -1
_BEYOND = {
    -signal.SIGXCPU: _TOO_LONG,
    -signal.SIGXFSZ: "needed more room on the disk than a file may take",
    -signal.SIGKILL: "needed more memory than there is",
}
_THREADS = 2  # of a decoder: each holds frames, and the pool of processes is the parallelism

OnSeconds = Callable[[float], None]


@cache
def gifsicle_path() -> str | None:
    """Find gifsicle beside our Python or on the path."""
    beside = Path(sys.executable).parent / "gifsicle"
    return str(beside) if beside.exists() else shutil.which("gifsicle")


@cache
def ffmpeg_encoders() -> frozenset[str]:
    """Name the encoders that our ffmpeg has: Debian's, for one, has no AMR."""
    program = ffmpeg_path()
    if program is None:
        return frozenset()
    lines = run_program([program, "-hide_banner", "-v", "error", "-encoders"]).stdout.decode("ascii", "replace")
    return frozenset(words[1] for words in map(str.split, lines.splitlines()) if len(words) > 1)


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
    path: Path,
    content_type: str,
    *options: str,
    opening: Sequence[str] = (),
    on_seconds: OnSeconds | None = None,
    verbosity: str = "error",
    may_skip: bool = False,
    threads: int = _THREADS,
) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg over one untrusted file: one demuxer, no protocol but files, the first error is the end.

    Args:
        path: the file.
        content_type: what it is; decides the demuxer.
        options: filters, encoders and outputs.
        opening: options of the input, such as where to begin.
        on_seconds: is told again and again how many seconds of the output are done; then stdout is not the caller's.
        verbosity: what stderr says; "info" describes the streams.
        may_skip: leave out what is damaged, up to a fiftieth of it, instead of giving up at the first error.
        threads: of the decoder; one takes a tenth less CPU than two, which are sooner done.

    MediaTooBig when it takes more CPU time or disk than a file may.

    Raises:
        FileNotFoundError: there is no ffmpeg here.
    """
    demuxer = _DEMUXERS.get(content_type, "mov")
    source = [*FILES_ONLY, "-threads", str(threads), "-f", demuxer, *opening, "-i", f"file:{path}"]
    # Of a WAV that was written to a pipe ffmpeg misses the gigabytes that it seems to have.
    may_skip = may_skip or (demuxer == "wav" and _is_piped(path))
    errors = ["-max_error_rate", "0.02"] if may_skip else ["-xerror"]
    return _run(["-v", verbosity, *errors, "-y", *source, *options], on_seconds)


def _is_piped(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(8)
    return head.startswith(b"RIFF") and says_no_length(head)  # RF64 tells its length elsewhere


def run_ffmpeg_on_own(
    inputs: Sequence[tuple[Path, Sequence[str]]],
    *options: str,
    on_seconds: OnSeconds | None = None,
    verbosity: str = "error",
) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg over intermediate files that we made ourselves, each with the options that it is opened with.

    Raises:
        FileNotFoundError: there is no ffmpeg here.
    """
    sources = [option for path, opening in inputs for option in (*FILES_ONLY, *opening, "-i", f"file:{path}")]
    return _run(["-v", verbosity, "-y", *sources, *options], on_seconds)


def _run(arguments: Sequence[str], on_seconds: OnSeconds | None) -> subprocess.CompletedProcess[bytes]:
    program = ffmpeg_path()
    if program is None:
        raise FileNotFoundError("ffmpeg")
    command = [program, "-hide_banner", "-nostdin", *arguments]
    before = cpu_of_programs()
    done = run_program(command) if on_seconds is None else _follow(program, arguments, on_seconds)
    require_within_limits(done.returncode, cpu_of_programs() - before)
    return done


def cpu_of_programs() -> float:
    """Tell the CPU seconds of all the programs that ran beside this process and have ended; a decoder runs one at a time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def require_within_limits(returncode: int, cpu_seconds: float) -> None:
    """Tell apart an ffmpeg that was stopped by our limits from one that gave up on a file.

    Raises:
        MediaTooBig: it was stopped; the file may be whole.
    """
    most = resource.getrlimit(resource.RLIMIT_CPU)[0]
    is_out_of_time = returncode == _CAUGHT and most != resource.RLIM_INFINITY and cpu_seconds >= most - 0.5
    if is_out_of_time or returncode in _BEYOND:
        raise MediaTooBig(f"Opening this file {_BEYOND.get(returncode, _TOO_LONG)}.")


def _follow(program: str, arguments: Sequence[str], on_seconds: OnSeconds) -> subprocess.CompletedProcess[bytes]:
    """Run to the end, reading what ffmpeg says of its progress: lines of ``key=value``; stderr keeps what it said at last."""
    command = [program, "-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1", *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,  # noqa: PLW1509 -- a decoder has one thread, and the kernel must know before exec
    ) as process:
        said: deque[bytes] = deque(maxlen=_LINES_KEPT)
        for line in process.stdout or ():
            key, _, value = line.strip().partition(b"=")
            if key == b"out_time_us" and value.isdigit():
                on_seconds(int(value) / 1_000_000)
            elif b" " in key:
                said.append(line[:_LINE_KEPT])
    return subprocess.CompletedProcess(command, process.returncode, b"", b"".join(said))
