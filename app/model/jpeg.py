"""The structure of a JPEG file: pure, over bytes, so that probe (where does it end) and fit (what to leave out) agree."""

import re
from dataclasses import dataclass
from mmap import mmap

Data = bytes | mmap

_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# In entropy-coded data 0xFF is followed by 0 (stuffed), a restart marker, or fill; anything else is the next marker. A single
# literal byte in front lets `re` skip to it twenty times as fast as "\xff+" would; fill counts as data of the scan.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN = 0xDA
_END = 0xD9


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: ``start`` is at its 0xFF, ``end`` past its last byte, the data of a scan included."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JpegStructure:
    """Segments after the start marker; ``frame`` is the SOF marker (0xC0 baseline); ``end`` is past the end marker."""

    segments: tuple[Segment, ...]
    frame: int
    bits: int
    components: int
    end: int


def _marker_at(data: Data, at: int) -> tuple[int, int]:
    """Read the marker at ``at``, past any fill; returns it with the offset behind it.

    Raises:
        ValueError: there is none.
    """
    start = at
    while data[at : at + 1] == b"\xff":
        at += 1
    if at == start or at >= len(data):
        raise ValueError(f"no marker at byte {start}")
    return data[at], at + 1


def _scan_end(data: Data, at: int) -> int:
    following = _NEXT_MARKER.search(data, at)
    if following is None:
        raise ValueError("the picture data has no end")
    return following.start()


def walk_jpeg(data: Data) -> JpegStructure:
    """Walk a JPEG from its first byte to its end marker.

    Raises:
        ValueError: it has no end, or is no JPEG; the text says where it breaks.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("no start marker")
    segments: list[Segment] = []
    frame = bits = components = 0
    at = 2
    while True:
        start = at
        marker, at = _marker_at(data, at)
        if marker == _END:
            break
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise ValueError(f"the segment at byte {start} is cut off")
        if marker in _FRAMES and length >= 8:
            frame, bits, components = marker, data[at + 2], data[at + 7]
        at += length
        if marker == _START_OF_SCAN:
            at = _scan_end(data, at)
        segments.append(Segment(marker, start, at))
    if not frame:
        raise ValueError("there is no picture before its end")
    return JpegStructure(tuple(segments), frame, bits, components, at)
