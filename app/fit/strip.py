"""Metadata out, pixels untouched, byte for byte: what a picture loses when it fits and every handset takes it.

What is known to be needed for the pixels is kept, everything else goes. So no place is missed because somebody wrote it where
nobody looks: a maker's note, extended XMP, a private chunk. What is kept has exactly the length and form that it should have.
"""

import zlib

from app.model.jpeg import JpegStructure, walk_jpeg

_APP0, _APP2, _APP14 = 0xE0, 0xE2, 0xEE
_BASELINE = frozenset({0xC0, 0xC1})  # sequential Huffman; 0xC1 differs by 12 bits, which is asked for separately
_ICC = b"ICC_PROFILE\0"
_JFIF_BYTES = 18  # of the whole segment, without the thumbnail that may follow
_ADOBE_BYTES = 16  # the same of what says which transform the colours went through
_JPEG_NEEDED = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD}) - {
    0xC8
}  # frames, tables, scans; no number of lines (0xDC)
_ICC_SIGNATURE_AT = 36
# The bytes of each chunk that says no more than a number or a colour, by the colour type where that matters.
_PNG_NUMBERS: dict[bytes, int | dict[int, int]] = {
    b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9,
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}, b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6}, b"tRNS": {0: 2, 2: 6},
}  # fmt: skip
_PALETTE = 3  # colour type
_PNG_END = bytes(4) + b"IEND\xae\x42\x60\x82"
_PROFILE_NAMES = frozenset(
    {b"ICC Profile", b"ICC profile", b"icc", b"ICC", b"Photoshop ICC profile", b"sRGB", b"unknown"}
)
_MOST_PROFILE_BYTES = 4_000_000
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_CONTROL = b"!\xf9\x04"  # delay and transparency: the only extension that pixels need
_GIF_LOOPS = (b"!\xff\x0bNETSCAPE2.0\x03\x01", b"!\xff\x0bANIMEXTS1.0\x03\x01")  # then how often, and no more


def is_plain_jpeg(structure: JpegStructure) -> bool:
    """Tell whether every handset takes it: sequential, 8 bits, grey or three components."""
    return structure.frame in _BASELINE and structure.bits == 8 and structure.components in {1, 3}


def strip_jpeg(data: bytes) -> bytes:
    """Leave out EXIF, XMP, IPTC, comments, previews and all that follows the end; keep JFIF, ICC and Adobe segments.

    Raises ValueError when the structure is broken.
    """
    kept = [b"\xff\xd8"]
    segments = walk_jpeg(data).segments
    profile = [data[each.start : each.end] for each in segments if each.marker == _APP2]
    keeps_profile = _is_profile([piece for piece in profile if piece[4:16] == _ICC])
    for segment in segments:
        piece = data[segment.start : segment.end]
        if segment.marker == _APP0 and piece[4:9] == b"JFIF\0":
            kept.append(piece if len(piece) == _JFIF_BYTES else b"\xff\xe0\0\x10" + piece[4:16] + b"\0\0")
        elif segment.marker == _APP14 and piece[4:9] == b"Adobe" and len(piece) >= _ADOBE_BYTES:
            kept.append(piece if len(piece) == _ADOBE_BYTES else b"\xff\xee\0\x0e" + piece[4:_ADOBE_BYTES])
        elif segment.marker in _JPEG_NEEDED or (segment.marker == _APP2 and piece[4:16] == _ICC and keeps_profile):
            kept.append(piece)
    return b"".join([*kept, b"\xff\xd9"])


def _is_profile(pieces: list[bytes]) -> bool:
    """Tell whether ICC segments are numbered through and hold one profile as long as it says, and no more."""
    numbers = [tuple(piece[16:18]) for piece in pieces]
    if numbers != [(number, len(pieces)) for number in range(1, len(pieces) + 1)]:
        return False
    return _is_whole_profile(b"".join(piece[18:] for piece in pieces))


def _is_whole_profile(profile: bytes) -> bool:
    return (
        int.from_bytes(profile[:4], "big") == len(profile)
        and profile[_ICC_SIGNATURE_AT : _ICC_SIGNATURE_AT + 4] == b"acsp"
    )


def strip_png(data: bytes) -> bytes:
    """Leave out every chunk that the pixels do not need, and all that follows the end; probe has checked the structure."""
    kept: dict[bytes, list[bytes]] = {}
    bits, color_type, at = data[24], data[25], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind == b"IDAT" or (kind not in kept and b"IDAT" not in kept):
            chunk = _needed_of(kind, data[at:end], bits, color_type)
            if chunk:
                kept.setdefault(kind, []).append(chunk)
        if kind == b"IEND":
            break
        at = end
    return b"".join([data[:8], *(chunk for chunks in kept.values() for chunk in chunks), _PNG_END])


def _needed_of(kind: bytes, chunk: bytes, bits: int, color_type: int) -> bytes:
    """Tell what is kept of a chunk: all of it, nothing, what a palette can have, a profile under a name that tells nothing."""
    length = len(chunk) - 12
    if kind == b"IHDR":
        return chunk if length == 13 else b""
    if kind == b"IDAT":
        return chunk
    if color_type == _PALETTE and kind in {b"PLTE", b"tRNS"}:
        most = (3 if kind == b"PLTE" else 1) << bits
        return chunk if length <= most else _write_chunk(kind, chunk[8 : 8 + most])
    if kind == b"iCCP":
        return _profile_of(chunk)
    needed = _PNG_NUMBERS.get(kind)
    if isinstance(needed, dict):
        needed = needed.get(color_type)
    return chunk if length == needed else b""


def _profile_of(chunk: bytes) -> bytes:
    name, _, packed = chunk[8:-4].partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], _MOST_PROFILE_BYTES)
    except zlib.error:
        return b""
    if not unpacker.eof or unpacker.unused_data or not _is_whole_profile(profile):
        return b""
    if name in _PROFILE_NAMES:
        return chunk
    return _write_chunk(b"iCCP", b"ICC Profile\0" + packed)


def _write_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def strip_gif(data: bytes) -> bytes:
    """Leave out comments, XMP and every extension that does not tell delay, transparency or loop, and all that follows the end.

    Probe has checked the structure.
    """
    at = 13 + _color_table_bytes(data[10])
    kept = [data[:at]]
    while at < len(data) and data[at] in {_GIF_EXTENSION, _GIF_IMAGE}:
        start = at
        is_loop = data.startswith(_GIF_LOOPS, at) and data[at + 18 : at + 19] == b"\0"
        is_control = data.startswith(_GIF_CONTROL, at)
        is_image = data[at] == _GIF_IMAGE
        at += 11 + _color_table_bytes(data[at + 9]) if is_image else 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if is_control:
            kept.append(data[start : start + 7] + b"\0")  # four bytes, and no further block
        elif is_image or is_loop:
            kept.append(data[start:at])
    return b"".join([*kept, bytes([_GIF_END])])


def _color_table_bytes(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


STRIPS = {"image/jpeg": strip_jpeg, "image/png": strip_png, "image/gif": strip_gif}
"""How the metadata is taken out of each kind of picture that may go out as it came."""
