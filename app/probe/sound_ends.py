"""Where sound files end: frame after frame, as the formats say how long each is. Pure, as ``ends`` is."""

from app.model.jpeg import Data

_AMR_START = b"#!AMR\n"
_AMR_FRAME_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6)  # by mode, with the byte before it; 8 is silence
_AMR_NO_DATA = 15
# MPEG 1 layers I to III, then MPEG 2 and 2.5 layer I and layers II and III; kilobits a second by index.
_MPEG_RATES = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_MPEG_HERTZ = (44_100, 48_000, 32_000)
_ID3V1_BYTES = 128
_MOST_JUNK = 65_536  # between frames, as careless editors leave it


def amr_end(data: Data) -> int:
    """Find the end of the last whole frame of AMR-NB; other kinds of AMR are left to the decoder."""
    if data[: len(_AMR_START)] != _AMR_START:
        return len(data)
    at = len(_AMR_START)
    while at < len(data):
        mode = data[at] >> 3 & 15
        length = 1 if mode == _AMR_NO_DATA else _AMR_FRAME_BYTES[mode] if mode < len(_AMR_FRAME_BYTES) else 0
        if not length or data[at] & 0x83:
            break
        at += length
    return min(at, len(data))


def mp3_end(data: Data) -> int:
    """Find the end of the last frame and of the tags behind it; a free bit rate says no length and is left to the decoder."""
    at = _skip_id3v2(data, 0)
    end = at
    while at < len(data):
        length = _mpeg_frame_bytes(data, at)
        if length < 0:
            return len(data)
        if length:
            at = end = at + length
        elif (following := _next_frame(data, at)) > at:
            at = following
        else:
            break
    return _tags_end(data, min(end, len(data)))


def _mpeg_frame_bytes(data: Data, at: int) -> int:
    """Tell the length of the frame that begins here; 0 = there is none, -1 = only a decoder knows."""
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer, rate, hertz = head >> 19 & 3, 4 - (head >> 17 & 3), head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 15 or hertz == 3:
        return 0
    if not rate:
        return -1
    is_first = version == 3
    bits = 1000 * _MPEG_RATES[layer - 1 if is_first else 3 if layer == 1 else 4][rate]
    samples_a_second = _MPEG_HERTZ[hertz] >> (3 - version if version else 2)
    padding = head >> 9 & 1
    if layer == 1:
        return (12 * bits // samples_a_second + padding) * 4
    return (144 if is_first or layer == 2 else 72) * bits // samples_a_second + padding


def _next_frame(data: Data, at: int) -> int:
    """Look for two frames, one behind the other, a little further on; ``at`` when there are none."""
    for start in range(at + 1, min(at + _MOST_JUNK, len(data) - 4)):
        if data[start] == 0xFF and (length := _mpeg_frame_bytes(data, start)) > 0:
            behind = start + length
            if behind == len(data) or _mpeg_frame_bytes(data, behind) > 0:
                return start
    return at


def _skip_id3v2(data: Data, at: int) -> int:
    """Go past a tag in front: its length is four times seven bits."""
    if data[at : at + 3] != b"ID3" or at + 10 > len(data):
        return at
    length = 0
    for each in data[at + 6 : at + 10]:
        length = length << 7 | each & 0x7F
    return min(at + 10 + length + (10 if data[at + 5] & 0x10 else 0), len(data))


def _tags_end(data: Data, at: int) -> int:
    """Go past ID3v2, APEv2, Lyrics3 and ID3v1 behind the sound, in whatever order players wrote them."""
    behind = _tag_end(data, at)
    while behind > at:
        at, behind = behind, _tag_end(data, behind)
    return min(at, len(data))


def _tag_end(data: Data, at: int) -> int:
    """Tell where the tag ends that begins here; ``at`` when there is none."""
    if data[at : at + 8] == b"APETAGEX":
        return at + 32 + int.from_bytes(data[at + 12 : at + 16], "little")
    if data[at : at + 11] == b"LYRICSBEGIN":
        found = data.find(b"LYRICS200", at)
        return found + 9 if found >= 0 else at
    if data[at : at + 3] == b"TAG":
        return at + _ID3V1_BYTES
    return _skip_id3v2(data, at)


def adts_end(data: Data) -> int:
    """Find the end of the last AAC frame, tags in front and behind included."""
    at = _skip_id3v2(data, 0)
    while at + 7 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0:
        length = int.from_bytes(data[at + 3 : at + 6], "big") >> 5 & 0x1FFF
        if length < 7:
            break
        at += length
    return _tags_end(data, min(at, len(data)))


def ogg_end(data: Data) -> int:
    """Find the end of the last page; a page that is cut off is left to the decoder."""
    at = 0
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data):
        segments = data[at + 26]
        at += 27 + segments + sum(data[at + 27 : at + 27 + segments])
    return min(at, len(data))
