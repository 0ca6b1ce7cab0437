"""Dates and names that an MP4 carries in fields of their own: overwritten where they stand, so that no sample moves."""

import re
import struct
from collections.abc import Iterator

from app.fit.boxes import walk_boxes

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_HEADERS = frozenset({b"mvhd", b"tkhd", b"mdhd"})
_HANDLER_NAME = 24  # where it begins in the box
_ENTRY, _COMPRESSOR, _COMPRESSOR_BYTES = 8, 50, 32  # the first entry of a table; in it, the name of an encoder
_PICTURES = frozenset({b"avc1", b"s263", b"mp4v"})
# What ffmpeg, Android and Apple write into every file; others name the camera, or the day.
_HANDLERS = re.compile(rb"[\0-\x20]?(?:(?:Video|Sound)Handler?|Core Media (?:Video|Audio))?\0*")
_COMPRESSORS = re.compile(rb"(?:[\0-\x1f](?:Lavc[\d.]* \w+|AVC Coding|H\.264))?\0*")


def without_stamps(data: bytes) -> bytes:
    """Overwrite dates, and names that may be somebody's, with zeros; the same bytes where there is none, or no index."""
    bare = bytearray(data)
    try:
        for begin, end in _stamps(data, 0, len(data)):
            bare[begin:end] = bytes(end - begin)
    except (struct.error, IndexError, ValueError):
        return data
    return bytes(bare)


def _stamps(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """List where such a date or name begins and ends."""
    for kind, body, after in walk_boxes(data, begin, end):
        if kind in _CONTAINERS:
            yield from _stamps(data, body, after)
        elif kind in _HEADERS:
            yield body + 4, min(after, body + (20 if data[body] else 12))  # made, changed
        elif kind == b"hdlr" and not _HANDLERS.fullmatch(data, body + _HANDLER_NAME, after):
            yield body + _HANDLER_NAME, after
        elif kind == b"stsd" and data[body + _ENTRY + 4 : body + _ENTRY + 8] in _PICTURES:
            name = body + _ENTRY + _COMPRESSOR
            if not _COMPRESSORS.fullmatch(data, name, name + _COMPRESSOR_BYTES):
                yield name, min(after, name + _COMPRESSOR_BYTES)
