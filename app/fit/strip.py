"""Metadata out, pixels untouched, byte for byte: what a picture loses when it fits and every handset takes it.

What is known to be needed for the pixels is kept, everything else goes. So no place is missed because somebody wrote it where
nobody looks: a maker's note, extended XMP, a private chunk.
"""

from app.model.jpeg import JpegStructure, walk_jpeg

_APP0, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
_BASELINE = frozenset({0xC0, 0xC1})  # sequential Huffman; 0xC1 differs by 12 bits, which is asked for separately
_JFIF_BYTES = 18  # of the whole segment, without the thumbnail that may follow
_PNG_NEEDED = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT",
    b"bKGD", b"pHYs",
})  # fmt: skip
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_CONTROL = 0xF9  # delay and transparency: the only extension that pixels need
_GIF_LOOPS = (b"!\xff\x0bNETSCAPE2.0\x03\x01", b"!\xff\x0bANIMEXTS1.0\x03\x01")  # then how often, and no more


def is_plain_jpeg(structure: JpegStructure) -> bool:
    """Tell whether every handset takes it: sequential, 8 bits, grey or three components."""
    return structure.frame in _BASELINE and structure.bits == 8 and structure.components in {1, 3}


def strip_jpeg(data: bytes) -> bytes:
    """Leave out EXIF, XMP, IPTC, comments, previews and all that follows the end; keep JFIF, ICC and Adobe segments.

    Raises ValueError when the structure is broken.
    """
    kept = [b"\xff\xd8"]
    for segment in walk_jpeg(data).segments:
        piece = data[segment.start : segment.end]
        if segment.marker == _APP0 and piece[4:9] == b"JFIF\0":
            kept.append(piece if len(piece) == _JFIF_BYTES else b"\xff\xe0\0\x10" + piece[4:16] + b"\0\0")
            continue
        is_colour = segment.marker == _APP14 or (segment.marker == _APP2 and piece[4:16] == b"ICC_PROFILE\0")
        if is_colour or not (segment.marker == _COMMENT or _APP0 <= segment.marker <= _APP15):
            kept.append(piece)
    return b"".join([*kept, b"\xff\xd9"])


def strip_png(data: bytes) -> bytes:
    """Leave out every chunk that the pixels do not need, and all that follows the end; probe has checked the structure."""
    kept = [data[:8]]
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind in _PNG_NEEDED:
            kept.append(data[at:end])
        if kind == b"IEND":
            break
        at = end
    return b"".join(kept)


def strip_gif(data: bytes) -> bytes:
    """Leave out comments, XMP and every extension that does not tell delay, transparency or loop, and all that follows the end.

    Probe has checked the structure.
    """
    at = 13 + _color_table_bytes(data[10])
    kept = [data[:at]]
    while at < len(data) and data[at] in {_GIF_EXTENSION, _GIF_IMAGE}:
        start = at
        is_loop = data.startswith(_GIF_LOOPS, at) and data[at + 18 : at + 19] == b"\0"
        is_needed = data[at] == _GIF_IMAGE or data[at + 1] == _GIF_CONTROL or is_loop
        at += 11 + _color_table_bytes(data[at + 9]) if data[at] == _GIF_IMAGE else 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if is_needed:
            kept.append(data[start:at])
    return b"".join([*kept, bytes([_GIF_END])])


def _color_table_bytes(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


STRIPS = {"image/jpeg": strip_jpeg, "image/png": strip_png, "image/gif": strip_gif}
"""How the metadata is taken out of each kind of picture that may go out as it came."""
