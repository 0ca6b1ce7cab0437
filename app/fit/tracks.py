"""The tracks of an MP4 or 3GP as its tables tell them: where their samples lie, when they are shown, which are hidden."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from app.fit.boxes import walk_boxes

Track = dict[bytes, bytes]
"""The bodies of the boxes of one track, by kind, those of the nested ones, too."""

_NESTED = frozenset({b"edts", b"mdia", b"minf", b"stbl"})
_MAY_REPEAT = frozenset({b"free", b"skip", b"wide", b"sgpd", b"sbgp"})
_MOST_SAMPLES = 1_000_000
_NO_MEDIA = -1  # an edit that shows nothing, so that the rest begins later
_NORMAL_SPEED = 0x10000
# Sound has up to 2,624 samples before its beginning and less than a frame behind its end, which encoders need.
_MOST_HIDDEN = {b"soun": 2}


@dataclass(frozen=True, slots=True)
class Movie:
    """``ticks`` a second, in which edits are counted, and the tracks."""

    ticks: int
    tracks: list[Track]


def read_movie(data: bytes) -> Movie:
    """Read the index; LookupError and struct.error when a part of it is missing.

    Raises:
        ValueError: a box stands there twice, or is longer than what holds it.
    """
    begin, end = next((begin, end) for kind, begin, end in walk_boxes(data, 0, len(data)) if kind == b"moov")
    boxes = list(walk_boxes(data, begin, end))
    header = next(data[begin:end] for kind, begin, end in boxes if kind == b"mvhd")
    tracks = [dict(_boxes_of(data, begin, end)) for kind, begin, end in boxes if kind == b"trak"]
    return Movie(_ticks(header), tracks)


def _boxes_of(data: bytes, begin: int, end: int) -> Track:
    found: Track = {}
    for kind, body, after in walk_boxes(data, begin, end):
        inner = _boxes_of(data, body, after) if kind in _NESTED else {kind: data[body:after]}
        if (inner.keys() & found.keys()) - _MAY_REPEAT:
            raise ValueError(f"{kind!r} is there twice")
        found |= inner
    return found


def _ticks(header: bytes) -> int:
    return int(struct.unpack_from(">I", header, 20 if header[0] else 12)[0])


def handler_of(track: Track) -> bytes:
    """Tell what a track is: ``vide`` or ``soun``, or a stranger."""
    return track[b"hdlr"][8:12]


def _sample_bytes(track: Track) -> tuple[int, ...]:
    """Tell how long each sample is.

    Raises:
        ValueError: there are more than any clip of ten minutes has.
    """
    same, count = struct.unpack_from(">II", track[b"stsz"], 4)
    if count > _MOST_SAMPLES:
        raise ValueError("too many samples")
    return (same,) * count if same else struct.unpack_from(f">{count}I", track[b"stsz"], 12)


def chunks_of(track: Track) -> Iterator[tuple[int, int]]:
    """List where the samples of a track lie in the file: the first byte and how many, chunk by chunk.

    Raises:
        ValueError: its tables contradict each other.
    """
    sizes = _sample_bytes(track)
    offsets = _entries(track[b"co64"], "Q") if b"co64" in track else _entries(track[b"stco"], "I")
    runs = list(_entries(track[b"stsc"], "III"))[::-1]
    at = 0
    for number, (offset,) in enumerate(offsets, 1):
        while len(runs) > 1 and runs[-2][0] <= number:
            runs.pop()
        yield offset, sum(sizes[at : at + runs[-1][1]])
        at += runs[-1][1]
    if at != len(sizes):
        raise ValueError("stsc, stsz and stco tell different numbers of samples")


def hides_samples(track: Track, movie_ticks: int) -> bool:
    """Tell whether an edit list leaves out some of what a track holds, as cutting without encoding anew does.

    A player may pass over the list, and everybody can take it out.
    """
    edits = list(_entries(track[b"elst"], "QqI" if track[b"elst"][0] else "IiI")) if b"elst" in track else []
    if not edits:
        return False
    *before, (length, begin, speed) = edits
    if begin < 0 or speed != _NORMAL_SPEED or any(each[1] != _NO_MEDIA for each in before):
        return True
    end = begin + (length + 1) * _ticks(track[b"mdhd"]) / movie_ticks  # lengths are rounded to a tick
    count = len(_sample_bytes(track))
    lasting = _runs(track[b"stts"], "II", count)
    later = _runs(track[b"ctts"], "Ii", count) if b"ctts" in track else [0] * count
    decoded = accumulate(lasting, initial=0)
    shown = [
        (at + offset, at + offset + max(1, each)) for at, offset, each in zip(decoded, later, lasting, strict=False)
    ]
    hidden = sum(last <= begin for _, last in shown), sum(first >= end for first, _ in shown)
    return max(hidden) > _MOST_HIDDEN.get(handler_of(track), 0)


def _entries(table: bytes, fields: str) -> Iterator[tuple[int, ...]]:
    """Give the entries of a table; ValueError where it is longer than them, struct.error where it is shorter.

    Raises:
        ValueError: the table is longer than its entries.
    """
    (count,), entry = struct.unpack_from(">I", table, 4), struct.Struct(f">{fields}")
    if len(table) != 8 + count * entry.size:
        raise ValueError("a table is not as long as its entries")
    return entry.iter_unpack(table[8:])


def _runs(table: bytes, fields: str, samples: int) -> list[int]:
    """Give each sample's value from a table of runs: how many, which.

    Raises:
        ValueError: it tells of other numbers of samples than there are.
    """
    runs = list(_entries(table, fields))
    if sum(count for count, _ in runs) != samples:
        raise ValueError("a table of times is not as long as that of sizes")
    return [value for count, value in runs for _ in range(count)]
