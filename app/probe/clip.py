"""What ffmpeg says of a video or a sound file: every packet is read, the first picture is decoded."""

import math
import re
import subprocess
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from app.confine.programs import run_ffmpeg
from app.errors import MediaDamaged, MediaTooBig
from app.model.media import Facts, Kind
from app.probe.sniff import Format

_MOST_SECONDS = 600
_LISTED_SECONDS = 3_600  # how long something is that is far too long, is not worth reading all of it
_MOST_PIXELS_OF_ONE_FRAME = 36_000_000
_TECHNICAL_TAGS = frozenset({b"major_brand", b"minor_version", b"compatible_brands", b"encoder"})
_UNKNOWN = -(2**63)  # a time, as ffmpeg says it: AVI tells only when a picture is decoded
_HDR = {b"smpte2084": "PQ", b"arib-std-b67": "HLG"}  # by the transfer function, as ffmpeg calls it
_INTERLACED = re.compile(rb"^ *Stream #[^\n]*: Video: [^\n]*?\b(?:top|bottom) (?:coded )?first\b", re.MULTILINE)
_VIDEO_LINE = re.compile(rb"^ *Stream #[^\n]*: Video: [^\n]*?\b(smpte2084|arib-std-b67)\b", re.MULTILINE)


@dataclass(slots=True)
class _Stream:
    """One stream of ffmpeg's framecrc listing; ``sar`` is a pixel's width by height.

    ``end`` and ``shown``, when each packet is, are in units of ``tick`` seconds. What an edit list hides lies before 0.
    """

    kind: str = ""
    tick: float = 0.0
    size: tuple[int, int] = (0, 0)
    sar: float = 1.0
    hertz: int = 0
    layout: str = ""
    shown: list[int] = field(default_factory=list)
    end: int = 0

    @property
    def seconds(self) -> float:
        return self.end * self.tick

    @property
    def fps(self) -> float:
        """The rate while the pictures move, by the usual gap between two of them, whatever stands still; 0.0 = none."""
        gaps = [gap for before, after in pairwise(sorted(self.shown)) if (gap := after - before) > 0]
        if not gaps or not self.tick:
            return 0.0
        usual = median(gaps)
        # Coarse clocks say 33, 33, 34: the mean of those knows better.
        return round(1 / (self.tick * fmean(gap for gap in gaps if 0.5 * usual <= gap <= 1.5 * usual)), 4)

    def take(self, decoded: int, shown: int, length: int) -> None:
        """Count a packet by when it is decoded and shown, and for how long."""
        begins = decoded if shown == _UNKNOWN else shown
        self.end = max(self.end, begins + length)
        if begins >= 0 or begins + length > 0:
            self.shown.append(begins)

    @property
    def shown_size(self) -> tuple[int, int]:
        """The size in square pixels, without inventing any."""
        width, height = self.size
        if self.sar > 1:
            return width, math.ceil(height / self.sar)
        return math.ceil(width * self.sar), height


def probe_clip(path: Path, found: Format) -> Facts:
    """Describe a clip by its packets, its first picture and its tags.

    Raises:
        MediaDamaged: a packet is cut off, or nothing in it can be decoded.
        MediaTooBig: longer than ten minutes, or of too many pixels.
    """
    streams = _list_packets(path, found, "-map", "0:V:0?", "-map", "0:a:0?", "-c", "copy", "-t", str(_LISTED_SECONDS))
    video = next((stream for stream in streams if stream.kind == "video"), None)
    sound = next((stream for stream in streams if stream.kind == "audio"), None)
    seconds = round(max((stream.seconds for stream in streams), default=0.0), 3)
    if not streams or seconds <= 0:
        raise MediaDamaged(f"This is {found.name} without sound or pictures.", found=found.content_type)
    if seconds > _MOST_SECONDS:
        more = "more than " if seconds >= _LISTED_SECONDS - 1 else ""
        raise MediaTooBig(
            f"This is {more}{seconds:.0f} seconds long; at most {_MOST_SECONDS} are opened.", limit=_MOST_SECONDS
        )
    if video and video.size[0] * video.size[1] > _MOST_PIXELS_OF_ONE_FRAME:
        raise MediaTooBig(
            f"This video has {video.size[0]:,} x {video.size[1]:,} pixels.", limit=_MOST_PIXELS_OF_ONE_FRAME
        )
    what = "0:V:0" if video else "0:a:0"
    shown = _list_packets(path, found, "-map", what, "-frames:v" if video else "-frames:a", "1")
    told = run_ffmpeg(path, found.content_type, "-f", "ffmetadata", "-", verbosity="info")
    tags = told.stdout
    transfer = _VIDEO_LINE.search(told.stderr) if video else None
    width, height = shown[0].shown_size
    return Facts(
        kind=Kind.VIDEO if video else Kind.AUDIO,
        content_type=found.content_type,
        bytes=path.stat().st_size,
        width=width,
        height=height,
        frames=max(1, len(video.shown)) if video else 0,
        fps=video.fps if video else 0.0,
        is_interlaced=video is not None and bool(_INTERLACED.search(told.stderr)),
        seconds=seconds,
        color=_HDR[transfer[1]] if transfer else "",
        channels=_channels(sound.layout) if sound else 0,
        hertz=sound.hertz if sound else 0,
        has_location=any(b"location" in line.lower() for line in tags.splitlines()),
        has_metadata=_has_metadata(tags) or b"(attached pic)" in told.stderr,
    )


def _has_metadata(tags: bytes) -> bool:
    """Tell whether ffmpeg lists anything that somebody wrote: a title, a date, who made it with what."""
    lines = (line.partition(b"=") for line in tags.splitlines() if not line.startswith((b";", b"[")))
    return any(equals and key.lower() not in _TECHNICAL_TAGS for key, equals, _ in lines)


def _channels(layout: str) -> int:
    """Count by ffmpeg's name of a layout; 6 stands for any that is neither mono nor stereo, more for one that has no name."""
    number, _, unnamed = layout.partition(" ")
    return int(number) if unnamed == "channels" else {"mono": 1, "stereo": 2}.get(layout, 6)


def _list_packets(path: Path, found: Format, *options: str) -> list[_Stream]:
    done = run_ffmpeg(path, found.content_type, *options, "-f", "framecrc", "-")
    if done.returncode:
        raise MediaDamaged(found.unread, found=found.content_type)
    return _parse(done)


def _parse(done: subprocess.CompletedProcess[bytes]) -> list[_Stream]:
    """Read the listing: ``#key stream: value`` lines, then ``stream, dts, pts, duration, size, checksum``."""
    streams: dict[int, _Stream] = {}
    for line in done.stdout.decode("ascii", "replace").splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition(": ")
            name, _, number = key.rpartition(" ")
            if not number.isdigit():
                continue
            stream = streams.setdefault(int(number), _Stream())
            if name == "media_type":
                stream.kind = value
            elif name == "tb":
                over, under = map(int, value.split("/"))
                stream.tick = over / under
            elif name == "sar":
                across, down = map(int, value.split("/"))
                stream.sar = across / down if across and down else 1.0
            elif name == "sample_rate":
                stream.hertz = int(value)
            elif name == "channel_layout_name":
                stream.layout = value
            elif name == "dimensions":
                width, height = map(int, value.split("x"))
                stream.size = (width, height)
            continue
        fields = [field.strip() for field in line.split(",")]
        stream = streams[int(fields[0])]
        stream.take(*map(int, fields[1:4]))
    return [streams[number] for number in sorted(streams)]
