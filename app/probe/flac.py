"""Where a FLAC file ends, by its own frames (RFC 9639): pure, as ``ends`` is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.model.jpeg import Data
from app.model.mpeg_audio import skip_id3v2

_STREAMINFO_BYTES = 34
_HEADER_BYTES = 16  # of a frame, at most
_SAMPLES = {
    1: 192,
    **{code: 576 << code - 2 for code in range(2, 6)},
    **{code: 256 << code - 8 for code in range(8, 16)},
}
_MORE_BYTES = {6: 1, 7: 2}  # that tell how many samples a frame has, by the same code
_RATE_BYTES = {12: 1, 13: 2, 14: 2}


def _crc_table(polynomial: int, bits: int) -> tuple[int, ...]:
    table = []
    for each in range(256):
        value = each << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)
        table.append(value & (1 << bits) - 1)
    return tuple(table)


_CRC_8 = _crc_table(0x07, 8)
_CRC_16 = _crc_table(0x8005, 16)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where it begins, in bytes and in samples, how many samples it has, and the bits that all frames of a file share."""

    at: int
    first: int
    samples: int
    alike: tuple[int, int, int]


def flac_ends(data: Data) -> list[int]:
    """List where the last frame may end: where its checksum comes out; once in 65,536 bytes one does by chance.

    So of one frame in some tens that is cut off it is said that something else stands behind it; it is refused, too. A recording
    that was streamed does not say how many samples it has; of one that is cut between two frames nothing is seen then, nor
    of a file that has no frame that is understood here: an empty list.

    Raises:
        ValueError: it ends within a frame, or has fewer samples than it says.
    """
    at, longest, total = _read_blocks(data)
    begin = _read_frame(data, at, longest)
    if begin is None:
        return []
    latest = None
    for last in _frames_from_the_end(data, begin, longest):
        latest = latest or last
        if not total or last.first + last.samples - begin.first == total:
            break
    else:
        last = latest or begin  # what a splitter or a joiner of files wrote: frames, and a total that is not theirs
    here = last.first + last.samples - begin.first
    if here < total:
        raise ValueError(f"{total:,} samples announced, {here:,} are here")
    ends = list(_checksum_ends(data, last))
    if not ends:
        raise ValueError("its last frame is cut off")
    return ends


def _read_blocks(data: Data) -> tuple[int, int, int]:
    """Go past the blocks in front; tells where the frames begin, the samples of the longest one, those of all (0 = unknown).

    Raises:
        ValueError: it ends before that.
    """
    at, is_last = skip_id3v2(data, 0) + 4, False
    told = data[at + 4 : at + 4 + _STREAMINFO_BYTES]
    while not is_last:
        if at + 4 > len(data):
            raise ValueError("what stands in front of the sound is cut off")
        is_last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at, int.from_bytes(told[2:4], "big"), int.from_bytes(told[10:18], "big") & (1 << 36) - 1


def _read_frame(data: Data, at: int, longest: int) -> _Frame | None:
    """Read the header of a frame; None when none begins here, by its checksum."""
    head = data[at : at + _HEADER_BYTES]
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return None
    code, rate = head[2] >> 4, head[2] & 15
    width = max(1, 8 - (head[4] ^ 0xFF).bit_length())  # of the number, which is written as UTF-8 writes one
    more = 4 + width
    end = more + _MORE_BYTES.get(code, 0) + _RATE_BYTES.get(rate, 0)
    checksum = 0
    for byte in head[: end + 1]:
        checksum = _CRC_8[checksum ^ byte]
    if checksum or end >= len(head) or code == 0:
        return None
    number = head[4] & (0x7F >> width if width > 1 else 0x7F)
    for byte in head[5:more]:
        number = number << 6 | byte & 0x3F
    samples = _SAMPLES.get(code) or int.from_bytes(head[more : more + _MORE_BYTES[code]], "big") + 1
    first = number if head[1] & 1 else number * longest
    return _Frame(at, first, samples, (head[1], rate, head[3] & 15))


def _frames_from_the_end(data: Data, begin: _Frame, longest: int) -> Iterator[_Frame]:
    blocking, rate, bits = begin.alike
    sizes, channels = (
        bytes(each << 4 | low for each in range(*most)) for most, low in (((1, 16), rate), ((11,), bits))
    )
    alike = re.compile(b"\xff%c[%b][%b]" % (blocking, re.escape(sizes), re.escape(channels)))
    for found in reversed([each.start() for each in alike.finditer(data, begin.at)]):
        if frame := _read_frame(data, found, longest):
            yield frame


def _checksum_ends(data: Data, frame: _Frame) -> Iterator[int]:
    """Tell wherever the checksum of the frame comes out, as far as its samples could reach without any compression."""
    checksum = 0
    most = frame.at + 64 + frame.samples * 8 * 5  # eight channels of 32 bits and one more
    for at, byte in enumerate(data[frame.at : most], frame.at + 1):
        checksum = (checksum << 8 & 0xFFFF) ^ _CRC_16[checksum >> 8 ^ byte]
        if not checksum and at > frame.at + 6:
            yield at
