"""What an MP4 may carry besides what is played: it goes out as it came only when there is nothing of the kind.

Editors overwrite a place or a name by calling its box ``free``, and anybody can put a second file into one, or behind the
samples. A stranger inside of the samples themselves is not looked for.
"""

import struct
from collections.abc import Iterator

from app.fit.boxes import walk_boxes
from app.fit.stamps import without_stamps
from app.fit.tracks import chunks_of, hides_samples, read_movie

_CONTAINERS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl"})
_PADDING = frozenset({b"free", b"skip", b"wide"})
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stsc": 12, b"stco": 4, b"co64": 8}
# Most bytes of the boxes that have no table.
_MOST_BYTES = {
    b"ftyp": 64, b"mvhd": 112, b"iods": 64, b"tkhd": 96, b"elst": 128, b"mdhd": 36, b"hdlr": 64, b"vmhd": 12, b"smhd": 8,
    b"dref": 32, b"stsd": 512, b"sgpd": 64, b"sbgp": 256, b"cslg": 32, b"btrt": 32,
}  # fmt: skip
# How many bytes of a sample entry stand before its boxes, and which those may be: how it is coded, shaped and coloured.
_BEFORE_BOXES = {b"avc1": 78, b"s263": 78, b"mp4v": 78, b"mp4a": 28, b"samr": 28}
_OF_ENTRIES = frozenset({b"avcC", b"esds", b"d263", b"damr", b"btrt", b"bitr", b"pasp", b"colr", b"fiel", b"clap"})
_MOST_OF_ENCODER = 128  # bytes of ``udta``, where encoders write their own name
_ENCODER = b"\xa9too"
_FLAGS_BYTES = 4


def holds_more(data: bytes) -> bool:
    """Tell whether there is anything in an MP4, M4A or 3GP that is neither played nor needed for it."""
    try:
        stored = list(_look(data, 0, len(data)))
        movie = read_movie(data)
        hides = any(hides_samples(track, movie.ticks) for track in movie.tracks)
        played = sorted(chunk for track in movie.tracks for chunk in chunks_of(track))
    except (struct.error, LookupError, ValueError, ZeroDivisionError, StopIteration):
        return True
    return hides or not _tile(played, stored) or without_stamps(data) != data


def _look(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Walk all boxes; gives where those begin and end that samples stand in.

    Raises:
        ValueError: a box is unknown, longer than what it says, or padding that is none.
    """
    for kind, body, after in walk_boxes(data, begin, end):
        length = after - body
        if kind in _CONTAINERS:
            yield from _look(data, body, after)
        elif kind == b"mdat":
            yield body, after
        elif kind == b"udta":
            if length > _MOST_OF_ENCODER or not _names_encoder_alone(data, body, after):
                raise ValueError("udta may tell a title, a name or a place")
        elif not _is_innocent(data, kind, body, length):
            raise ValueError(f"{kind!r} may hold anything")


def _tile(chunks: list[tuple[int, int]], spans: list[tuple[int, int]]) -> bool:
    """Tell whether chunks (where, how long; in order) fill spans (from, to; in order) without a gap, and none lies on another."""
    left = iter(chunks)
    for begin, end in spans:
        at = begin
        while at < end:
            offset, length = next(left, (-1, 0))
            if offset != at:
                return False
            at += length
        if at != end:
            return False
    return not any(length for _, length in left)


def _is_innocent(data: bytes, kind: bytes, body: int, length: int) -> bool:
    if kind in _PADDING:
        return not any(data[body : body + length])
    if kind == b"stsz":
        same, count = struct.unpack_from(">II", data, body + 4)
        return bool(length == 12 + (0 if same else 4 * count))
    if kind in _ENTRY_BYTES:
        count = struct.unpack_from(">I", data, body + 4)[0]
        return bool(length == 8 + count * _ENTRY_BYTES[kind])
    if length > _MOST_BYTES.get(kind, -1):
        return False
    return kind != b"stsd" or all(
        inner in _OF_ENTRIES
        for entry, begin, end in walk_boxes(data, body + 8, body + length)
        for inner, _, _ in walk_boxes(data, begin + _BEFORE_BOXES[entry], end)
    )


def _names_encoder_alone(data: bytes, begin: int, end: int) -> bool:
    """Tell whether the user data of a clip or a track holds at most the name of an encoder, as ffmpeg writes it.

    Raises ValueError when a box is longer than what holds it.
    """
    found: list[bytes] = []
    for kind, body, after in walk_boxes(data, begin, end):
        if kind != b"meta":
            return False
        for inner, inner_body, inner_after in walk_boxes(data, body + _FLAGS_BYTES, after):
            found += [each for each, _, _ in walk_boxes(data, inner_body, inner_after)] if inner == b"ilst" else []
            if inner not in {b"hdlr", b"ilst"} or (inner == b"hdlr" and any(data[inner_body + 24 : inner_after])):
                return False
    return set(found) <= {_ENCODER}
