"""Where sound files end: frame after frame, as the formats say how long each is. Pure, as ``ends`` is."""

from app.model.jpeg import Data
from app.model.mpeg_audio import mpeg_frames, skip_id3v2

_AMR_START = b"#!AMR\n"
_AMR_FRAME_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6)  # by mode, with the byte before it; 8 is silence
_AMR_NO_DATA = 15
_ID3V1_BYTES = 128


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
    frames = mpeg_frames(data)
    if frames is None:
        return len(data)
    return _tags_end(data, frames[-1][1] if frames else skip_id3v2(data, 0))


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
    """Find the end of the last AAC frame, tags in front and behind included."""
    at = skip_id3v2(data, 0)
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
