"""The coded pictures of a video as its container lists them: when each is shown, how many bytes it has; nothing is decoded."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from app.confine.programs import run_ffmpeg
from app.fit.boxes import walk_boxes
from app.fit.choice import Cut
from app.model.media import Facts

_WITH_BOXES = frozenset({"video/mp4", "video/quicktime", "video/3gpp"})
_MOST_SAMPLES = 1_000_000
_UNKNOWN = -(2**63)  # a time, as ffmpeg says it: AVI tells only when a picture is decoded
_NESTED = (b"mdia", b"minf", b"stbl")  # each in the one before it


@dataclass(frozen=True, slots=True)
class Packet:
    """A coded picture: when it is shown, from the beginning of the cut, its bytes, and whether it stands alone."""

    seconds: float
    length: int
    is_whole: bool


def read_packets(path: Path, facts: Facts, cut: Cut) -> list[Packet]:
    """List the packets of the pictures, as they are shown, from the whole one before the cut; empty when nobody can tell.

    The tables of an MP4 are read here: a program for it would take a tenth of what decoding a short clip does.
    """
    packets = _read_tables(path) if facts.content_type in _WITH_BOXES else []
    if not packets:
        packets = _ask_ffmpeg(path, facts)
    shifted = sorted(
        (Packet(packet.seconds - cut.start, packet.length, packet.is_whole) for packet in packets),
        key=lambda packet: packet.seconds,
    )
    inside = [packet for packet in shifted if 0 <= packet.seconds < cut.seconds]
    before = [packet for packet in shifted if packet.seconds < 0 and packet.is_whole]
    return before[-1:] + inside


def _read_tables(path: Path) -> list[Packet]:
    """Read the sample tables of the first track of pictures; empty when they are not as they should be, or in fragments."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for kind, begin, end in walk_boxes(data, 0, len(data)):
                if kind == b"moov":
                    tracks = [_boxes_of(data, span) for name, *span in walk_boxes(data, begin, end) if name == b"trak"]
                    return next((_samples(boxes) for boxes in tracks if boxes.get(b"hdlr", b"")[8:12] == b"vide"), [])
        except (ValueError, LookupError, struct.error, ZeroDivisionError):
            return []
    return []


def _boxes_of(data: mmap.mmap, span: list[int], nested: tuple[bytes, ...] = _NESTED) -> dict[bytes, bytes]:
    """Gather the bodies of a track's boxes, those of the nested ones that lead to the tables, too."""
    found: dict[bytes, bytes] = {}
    for kind, begin, end in walk_boxes(data, *span):
        if kind in nested[:1]:
            found |= _boxes_of(data, [begin, end], nested[1:])
        else:
            found[kind] = data[begin:end]
    return found


def _samples(boxes: dict[bytes, bytes]) -> list[Packet]:
    """Put the tables of ISO/IEC 14496-12 together: sizes, durations, offsets of display, which stand alone, where it begins."""
    version = boxes[b"mdhd"][0]
    (ticks,) = struct.unpack_from(">I", boxes[b"mdhd"], 20 if version else 12)
    same, count = struct.unpack_from(">II", boxes[b"stsz"], 4)
    if count > _MOST_SAMPLES:
        return []
    sizes = [same] * count if same else struct.unpack_from(f">{count}I", boxes[b"stsz"], 12)
    decoded = accumulate(_runs(boxes[b"stts"], count), initial=0)
    offsets = _runs(boxes[b"ctts"], count, "i") if b"ctts" in boxes else iter([0] * count)
    whole = frozenset(_numbers(boxes[b"stss"])) if b"stss" in boxes else frozenset(range(1, count + 1))
    shown = [at + offset for at, offset in zip(decoded, offsets, strict=False)]
    start = min(shown, default=0)
    return [
        Packet((at - start) / ticks, size, number in whole)
        for number, (at, size) in enumerate(zip(shown, sizes, strict=True), 1)
    ]


def _runs(table: bytes, most: int, value: str = "I") -> Iterator[int]:
    """Give each sample's value from a table of runs: how many, which."""
    left = most
    for count, each in struct.iter_unpack(f">I{value}", table[8 : 8 + 8 * struct.unpack_from(">I", table, 4)[0]]):
        yield from [each] * min(count, left)
        left -= min(count, left)


def _numbers(table: bytes) -> tuple[int, ...]:
    (count,) = struct.unpack_from(">I", table, 4)
    return struct.unpack_from(f">{min(count, _MOST_SAMPLES)}I", table, 8)


def _ask_ffmpeg(path: Path, facts: Facts) -> list[Packet]:
    """Let ffmpeg list them, for every other container."""
    done = run_ffmpeg(path, facts.content_type, "-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-", threads=1)
    unit, packets = 0.0, []
    for line in done.stdout.decode("ascii", "replace").splitlines():
        if line.startswith("#tb 0:"):
            unit = float(Fraction(line.partition(":")[2].strip()))
        elif not line.startswith("#"):
            _, decoded, shown, _, length, _, *more = line.split(",")
            known = [int(at) for at in (shown, decoded) if int(at) != _UNKNOWN]
            packets += [Packet(at * unit, int(length), not any("F=" in word for word in more)) for at in known[:1]]
    return packets
