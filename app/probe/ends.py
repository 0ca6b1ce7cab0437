"""Where each format ends: a file that ends sooner is truncated, one that goes on carries a stranger.

Pure functions over the whole file; each returns the offset past the last byte of the picture, and raises ValueError with
the place where it breaks.
"""

import zlib
from collections.abc import Callable

from app.model.jpeg import Data, walk_jpeg
from app.model.riff import says_no_length
from app.probe.matroska import matroska_end
from app.probe.sound_ends import adts_end, amr_end, flac_end, mp3_end, ogg_end

_PADDING = b"\x00\xff\r\n\t "
# What may stand outermost in an MP4, MOV or HEIF (ISO/IEC 14496-12, 23008-12, QuickTime), so that it may be cut off.
_BOXES = frozenset({
    b"ftyp", b"styp", b"pdin", b"moov", b"moof", b"mfra", b"mdat", b"imda", b"idat", b"meta", b"meco", b"free", b"skip", b"wide",
    b"uuid", b"udta", b"sidx", b"ssix", b"prft", b"emsg", b"pnot", b"PICT",
})  # fmt: skip
_RIFF_MISCOUNTED = 9  # bytes: some programs count the header, too, or a last one that makes it even and is not there


def jpeg_end(data: Data) -> int:
    """Find the end of the JPEG and of the pictures that cameras append to it (depth, gain map, preview)."""
    end = walk_jpeg(data).end
    while True:
        rest = data[end:]
        start = len(data) - len(rest.lstrip(_PADDING[:1] + b"\n"))
        if data[start : start + 3] != b"\xff\xd8\xff":
            break
        end = start + walk_jpeg(data[start:]).end
    return len(data) if _is_camera_trailer(data, end) else end


def _is_camera_trailer(data: Data, end: int) -> bool:
    """Tell whether a phone put a clip or a note of its own behind the picture: motion photos, Samsung's trailer."""
    return data[-4:] == b"SEFT" or (
        data[end + 4 : end + 8] == b"ftyp" and (b"MotionPhoto" in data[:65536] or b"MicroVideo" in data[:65536])
    )


def png_end(data: Data) -> int:
    """Find the end of the IEND chunk, checking every chunk's checksum.

    Raises:
        ValueError: it ends too early.
    """
    at = 8
    while True:
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        if end > len(data) or at + 12 > len(data):
            raise ValueError(f"chunk at byte {at} is cut off")
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ValueError(f"chunk at byte {at} has a wrong checksum")
        if data[at + 4 : at + 8] == b"IEND":
            return end
        at = end


def _gif_blocks_end(data: Data, at: int) -> int:
    while True:
        if at >= len(data):
            raise ValueError("the data blocks are cut off")
        length = data[at]
        at += 1 + length
        if not length:
            return at


def _color_table_bytes(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def gif_end(data: Data) -> int:
    """Find the end of the trailer.

    Raises:
        ValueError: it ends too early.
    """
    if len(data) < 13:
        raise ValueError("the header is cut off")
    at = 13 + _color_table_bytes(data[10])
    while True:
        kind = data[at : at + 1]
        if kind == b";":
            return at + 1
        if kind == b"!":
            at = _gif_blocks_end(data, at + 2)
        elif kind == b"," and at + 10 < len(data):
            at = _gif_blocks_end(data, at + 11 + _color_table_bytes(data[at + 9]))
        else:
            raise ValueError(f"no block at byte {at}")


def riff_end(data: Data) -> int:
    """Find the end of the RIFF chunk.

    Raises:
        ValueError: it ends too early.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ValueError(f"{end} bytes announced, {len(data)} are here")
    return end


def riffs_end(data: Data) -> int:
    """Find the end of the RIFF chunks of an AVI or a WAV; a recording that was streamed does not say its length.

    Raises:
        ValueError: it ends too early.
    """
    at = 0
    while data[at : at + 4] in {b"RIFF", b"RF64"}:
        if says_no_length(data[at : at + 8]):
            return len(data)
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    if at > len(data) + _RIFF_MISCOUNTED:
        raise ValueError(f"{at} bytes announced, {len(data)} are here")
    return min(at, len(data))


def bmp_end(data: Data) -> int:
    """Find the end that a BMP's header tells; programs that write none, or one before its pixels, are believed nothing."""
    told = int.from_bytes(data[2:6], "little")
    width, height = (abs(int.from_bytes(data[at : at + 4], "little", signed=True)) for at in (18, 22))
    is_plain = int.from_bytes(data[14:18], "little") >= 40 and not any(data[30:34])  # not compressed
    bits = int.from_bytes(data[28:30], "little")
    pixels = (width * bits + 31) // 32 * 4 * height if is_plain else 0
    least = int.from_bytes(data[10:14], "little") + pixels
    return told if least <= told <= len(data) else len(data)


def boxes_end(data: Data) -> int:
    """Find the end of the last box of an MP4, MOV or HEIF; a box of length 0 reaches to the end of the file.

    Raises:
        ValueError: it ends too early.
    """
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length == 0:
            return len(data)
        kind = data[at + 4 : at + 8]
        if length < 8 or not kind.isascii():
            break
        if at + length > len(data):
            if kind not in _BOXES:
                break  # whatever a stranger begins with, read as a length
            raise ValueError(f"{at + length} bytes announced, {len(data)} are here")
        at += length
    return at


_ENDS: dict[str, Callable[[Data], int]] = {
    "image/jpeg": jpeg_end,
    "image/png": png_end,
    "image/gif": gif_end,
    "image/webp": riff_end,
    "image/heic": boxes_end,
    "image/avif": boxes_end,
    "video/mp4": boxes_end,
    "video/quicktime": boxes_end,
    "video/3gpp": boxes_end,
    "audio/mp4": boxes_end,
    "video/x-matroska": matroska_end,
    "video/webm": matroska_end,
    "video/x-msvideo": riffs_end,
    "audio/wav": riffs_end,
    "audio/mpeg": mp3_end,
    "audio/amr": amr_end,
    "audio/aac": adts_end,
    "audio/ogg": ogg_end,
    "audio/flac": flac_end,
    "image/bmp": bmp_end,
}


def bytes_behind(content_type: str, data: Data) -> int:
    """Count what follows the end of the picture, padding not counted; 0 for a format without an end (TIFF).

    Raises ValueError when the file ends before the picture does.
    """
    find = _ENDS.get(content_type)
    return 0 if find is None else len(data[find(data) :].strip(_PADDING))
