"""The frames of MPEG audio (MP3): pure, so that probe (where does it end) and fit (is there anything else) agree."""

from app.model.jpeg import Data

# MPEG 1 layers I to III, then MPEG 2 and 2.5 layer I and layers II and III; kilobits a second by index.
_RATES = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_HERTZ = (44_100, 48_000, 32_000)
_MOST_FRAMES = 75_000  # the shortest is 8 ms
_MOST_JUNK = 65_536  # between frames, as careless editors leave it


def mpeg_frames(data: Data) -> list[tuple[int, int]] | None:
    """List where each frame begins and ends, behind a tag in front and past what lies between them.

    The last one may end behind the data: it is cut off. None = only a decoder knows: the bit rate is free and says no length,
    or there are more frames than ten minutes have.
    """
    at = skip_id3v2(data, 0)
    frames: list[tuple[int, int]] = []
    while at < len(data):
        if len(frames) > _MOST_FRAMES:
            return None
        length = _frame_bytes(data, at)
        if length < 0:
            return None
        if length:
            frames.append((at, at + length))
            at += length
        elif (following := _next_frame(data, at)) > at:
            at = following
        else:
            break
    return frames


def is_layer_3(data: Data) -> bool:
    """Tell whether all frames are of layer III: what ends in .mp3 may be layer II, which few handsets play."""
    return all(data[begin + 1] >> 1 & 3 == 1 for begin, _ in mpeg_frames(data) or ())


def _frame_bytes(data: Data, at: int) -> int:
    """Tell the length of the frame that begins here; 0 = there is none, -1 = only a decoder knows."""
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer, rate, hertz = head >> 19 & 3, 4 - (head >> 17 & 3), head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 15 or hertz == 3:
        return 0
    if not rate:
        return -1
    is_first = version == 3
    bits = 1000 * _RATES[layer - 1 if is_first else 3 if layer == 1 else 4][rate]
    samples_a_second = _HERTZ[hertz] >> (3 - version if version else 2)
    padding = head >> 9 & 1
    if layer == 1:
        return (12 * bits // samples_a_second + padding) * 4
    return (144 if is_first or layer == 2 else 72) * bits // samples_a_second + padding


def _next_frame(data: Data, at: int) -> int:
    """Look for two frames, one behind the other, a little further on; ``at`` when there are none."""
    for start in range(at + 1, min(at + _MOST_JUNK, len(data) - 4)):
        if data[start] == 0xFF and (length := _frame_bytes(data, start)) > 0:
            behind = start + length
            if behind == len(data) or _frame_bytes(data, behind) > 0:
                return start
    return at


def skip_id3v2(data: Data, at: int) -> int:
    """Go past a tag in front: its length is four times seven bits."""
    if data[at : at + 3] != b"ID3" or at + 10 > len(data):
        return at
    length = 0
    for each in data[at + 6 : at + 10]:
        length = length << 7 | each & 0x7F
    return min(at + 10 + length + (10 if data[at + 5] & 0x10 else 0), len(data))
