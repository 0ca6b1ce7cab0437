"""Metadata out, pixels untouched: what a picture loses when nothing but its metadata is in the way."""

from app.model.jpeg import JpegStructure, walk_jpeg

_APP0, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
_BASELINE = frozenset({0xC0, 0xC1})  # sequential Huffman; 0xC1 differs by 12 bits, which is asked for separately
_PNG_TEXT = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})


def is_plain_jpeg(structure: JpegStructure) -> bool:
    """Tell whether every handset takes it: sequential, 8 bits, grey or three components."""
    return structure.frame in _BASELINE and structure.bits == 8 and structure.components in {1, 3}


def strip_jpeg(data: bytes) -> bytes:
    """Leave out EXIF, XMP, IPTC, comments, previews and all that follows the end; keep JFIF, ICC and Adobe segments.

    Raises ValueError when the structure is broken.
    """
    structure = walk_jpeg(data)
    kept = [b"\xff\xd8"]
    for segment in structure.segments:
        piece = data[segment.start : segment.end]
        is_application = _APP0 <= segment.marker <= _APP15
        is_needed = (
            (segment.marker == _APP0 and piece[4:9] == b"JFIF\0")
            or (segment.marker == _APP2 and piece[4:16] == b"ICC_PROFILE\0")
            or segment.marker == _APP14
        )
        if segment.marker != _COMMENT and (not is_application or is_needed):
            kept.append(piece)
    return b"".join([*kept, b"\xff\xd9"])


def strip_png(data: bytes) -> bytes:
    """Leave out EXIF, texts, time and all that follows the end; the structure was checked when it was probed."""
    kept = [data[:8]]
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind not in _PNG_TEXT:
            kept.append(data[at:end])
        if kind == b"IEND":
            break
        at = end
    return b"".join(kept)
