"""What an MP4 may carry besides what is played: it goes out as it came only when there is nothing of the kind.

Editors overwrite a place or a name by calling its box ``free``, and anybody can put a second file into one, or behind the
samples. A stranger inside of the samples themselves is not looked for.
"""

import struct

from app.fit.boxes import walk_boxes

_CONTAINERS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl"})
_PADDING = frozenset({b"free", b"skip", b"wide"})
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stsc": 12, b"stco": 4, b"co64": 8}
# Most bytes of the boxes that have no table.
_MOST_BYTES = {
    b"ftyp": 64, b"mvhd": 112, b"iods": 64, b"tkhd": 96, b"elst": 128, b"mdhd": 36, b"hdlr": 64, b"vmhd": 12, b"smhd": 8,
    b"dref": 32, b"stsd": 512, b"sgpd": 64, b"sbgp": 256, b"cslg": 32, b"btrt": 32,
}  # fmt: skip
_MOST_OF_ENCODER = 128  # bytes of ``udta``, where encoders write their own name
_ENCODER = b"\xa9too"
_FLAGS_BYTES = 4


def holds_more(data: bytes) -> bool:
    """Tell whether there is anything in an MP4, M4A or 3GP that is neither played nor needed for it."""
    try:
        played, stored = _look(data, 0, len(data))
    except (struct.error, IndexError, ValueError):
        return True
    return played != stored


def _look(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """Walk all boxes; returns the bytes of all samples, and those of the boxes that they stand in.

    Raises:
        ValueError: a box is unknown, longer than what it says, or padding that is none.
    """
    played = stored = 0
    for kind, body, after in walk_boxes(data, begin, end):
        length = after - body
        if kind in _CONTAINERS:
            inner = _look(data, body, after)
            played, stored = played + inner[0], stored + inner[1]
        elif kind == b"mdat":
            stored += length
        elif kind == b"stsz":
            played += _bytes_of_samples(data, body, length)
        elif kind == b"udta":
            if length > _MOST_OF_ENCODER or not _names_encoder_alone(data, body, after):
                raise ValueError("udta may tell a title, a name or a place")
        elif not _is_innocent(data, kind, body, length):
            raise ValueError(f"{kind!r} may hold anything")
    return played, stored


def _bytes_of_samples(data: bytes, body: int, length: int) -> int:
    """Add up the samples of a track.

    Raises:
        ValueError: there is more in the box than their lengths.
    """
    _, each, count = struct.unpack_from(">III", data, body)
    if length != 12 + (0 if each else 4 * count):
        raise ValueError("stsz is longer than its table")
    return int(each * count if each else sum(struct.unpack_from(f">{count}I", data, body + 12)))


def _is_innocent(data: bytes, kind: bytes, body: int, length: int) -> bool:
    if kind in _PADDING:
        return not any(data[body : body + length])
    if kind in _ENTRY_BYTES:
        count = struct.unpack_from(">I", data, body + 4)[0]
        return bool(length == 8 + count * _ENTRY_BYTES[kind])
    return length <= _MOST_BYTES.get(kind, -1)


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
            if inner not in {b"hdlr", b"ilst"}:
                return False
    return set(found) <= {_ENCODER}
