"""Where sound files end: frame after frame, as the formats say how long each is. Pure, as ``ends`` is.

A file that is cut within a frame or a page is seen, and so is one that says of itself how many frames it has. One that says
nothing and is cut between two of them (AMR, AAC, MP3 without a header, Ogg, a streamed FLAC) is a shorter file like any other.
"""

from app.model.jpeg import Data
from app.model.mpeg_audio import mpeg_frames, skip_id3v2
from app.probe.flac import flac_ends

# Bytes of a frame by mode, with the byte before it; 15 has no data. Other kinds of AMR have several channels.
_AMR_FRAMES = {
    b"#!AMR\n": {**dict(enumerate((13, 14, 16, 18, 20, 21, 27, 32, 6))), 15: 1},
    b"#!AMR-WB\n": {**dict(enumerate((18, 24, 33, 37, 41, 47, 51, 59, 61, 6))), 14: 1, 15: 1},
}
_ID3V1_BYTES = 128
_MISCOUNTED_FRAMES = 3  # some encoders count the frame that tells it, or the ones that a decoder throws away


def amr_end(data: Data) -> int:
    """Find the end of the last frame; AMR of several channels is left to the decoder.

    Raises:
        ValueError: the last frame is cut off.
    """
    start = data[:9].partition(b"\n")[0] + b"\n"
    lengths = _AMR_FRAMES.get(start)
    if lengths is None:
        return len(data)
    at = last = len(start)
    while at < len(data) and not data[at] & 0x83 and (length := lengths.get(data[at] >> 3 & 15)):
        at, last = at + length, at
    is_padding = at > len(data) and not any(data[last:])  # zeros would be frames of the lowest mode
    return last if is_padding else _within(data, at)


def _within(data: Data, at: int) -> int:
    if at > len(data):
        raise ValueError(f"{at - len(data):,} bytes of its last frame are missing")
    return at


def mp3_end(data: Data) -> int:
    """Find the end of the last frame and of the tags behind it; a free bit rate says no length and is left to the decoder.

    Raises:
        ValueError: the last frame is cut off, or there are fewer than a Xing, Info or VBRI header says.
    """
    frames = mpeg_frames(data)
    if frames is None:
        return len(data)
    if not frames:
        return _tags_end(data, skip_id3v2(data, 0))
    told = _frames_told(data, frames[0][0])
    if len(frames) - 1 < told - _MISCOUNTED_FRAMES:
        raise ValueError(f"{told:,} frames announced, {len(frames) - 1:,} are here")
    return _tags_end(data, _within(data, frames[-1][1]))


def _frames_told(data: Data, at: int) -> int:
    """Tell how many frames the first one says that follow it; 0 when it says nothing."""
    first = data[at : at + 64]
    if first[36:40] == b"VBRI":
        return int.from_bytes(first[50:54], "big")
    for begin in (13, 21, 36):  # by version and channels
        if first[begin : begin + 4] in {b"Xing", b"Info"} and first[begin + 7] & 1:
            return int.from_bytes(first[begin + 8 : begin + 12], "big")
    return 0


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
    return skip_id3v2(data, at)


def adts_end(data: Data) -> int:
    """Find the end of the last AAC frame, tags in front and behind included.

    Raises:
        ValueError: the last frame is cut off.
    """
    at = skip_id3v2(data, 0)
    while (head := data[at : at + 7])[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:
        length = int.from_bytes(head[3:6], "big") >> 5 & 0x1FFF if len(head) == 7 else 7
        if length < 7:
            break
        at += length
    return _tags_end(data, _within(data, at))


def ogg_end(data: Data) -> int:
    """Find the end of the last page.

    That it is not marked as the last one is no sign of a cut: Android's recorder (AOSP, OggWriter) marks none at all, nor
    does a program that is stopped while it records.

    Raises:
        ValueError: the last page is cut off.
    """
    at = 0
    while (head := data[at : at + 27]) and head[:4] == b"OggS"[: len(head)]:
        at += 27
        if len(head) == 27:
            at += head[26] + sum(data[at : at + head[26]])
    if at > len(data):
        raise ValueError("its last page is cut off")
    return at


def flac_end(data: Data) -> int:
    """Find the end of the last frame and of the tags behind it.

    Raises:
        ValueError: it ends within a frame, or has fewer samples than it says.
    """
    return max((_tags_end(data, end) for end in flac_ends(data)), default=len(data))
