"""Which clips handsets play as they came: the structure of an MP4 or 3GP, read without decoding."""

import struct
from dataclasses import dataclass

from app.fit.boxes import walk_boxes
from app.fit.hidden import holds_more
from app.fit.tracks import handler_of, read_movie

MP4_TYPE = "video/mp4"
THREE_GP_TYPE = "video/3gpp"
_BASELINE = 66
_HIGHEST_LEVEL = 31
_TOP = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})  # no uuid: XMP may say where it was taken
_UPRIGHT = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_OLD_CODECS = frozenset({b"s263", b"mp4v"})
_ES, _DECODER, _SPECIFIC = 3, 4, 5  # tags of descriptors
_ES_OPTIONS = 0xE0  # depends on another, is elsewhere, has a clock: never in a file
_AAC, _LOW_COMPLEXITY, _OWN_RATE = 0x40, 2, 15
_SOUND_OF = {MP4_TYPE: frozenset({b"mp4a"}), THREE_GP_TYPE: frozenset({b"samr", b"mp4a"})}


@dataclass(frozen=True, slots=True)
class _Track:
    """What one track is: its handler, its codec, the body of its sample entry, and whether it is shown as it is stored."""

    handler: bytes
    codec: bytes
    entry: bytes
    is_upright: bool


def passing_type(data: bytes) -> str:
    """Tell as what a clip can go out as it is; empty when it must be made anew.

    MP4: H.264 Baseline up to level 3.1 with AAC. 3GP: the same, or H.263 or MPEG-4 with AMR. In both the index stands first,
    there is one video track, upright, at most one of sound, and nothing else, between the boxes or hidden in them.
    """
    try:
        return _type_of(data)
    except (struct.error, LookupError, ValueError, StopIteration):
        return ""


def is_plain_m4a(data: bytes) -> bool:
    """Tell whether it is one track of AAC, index first, and nothing else: an M4A may also hold ALAC, a cover, XMP."""
    try:
        top = [kind for kind, _, _ in walk_boxes(data, 0, len(data))]
        tracks = _tracks(data)
    except (struct.error, LookupError, ValueError, StopIteration):
        return False
    is_in_order = set(top) <= _TOP and b"mdat" in top and top.index(b"moov") < top.index(b"mdat")
    return (
        is_in_order
        and [(track.handler, track.codec) for track in tracks] == [(b"soun", b"mp4a")]
        and _is_plain_aac(tracks[0].entry)
    )


def is_strict_3gp(data: bytes) -> bool:
    """Tell whether a 3GP keeps to H.263 or MPEG-4 for its pictures and AMR for its sound."""
    if passing_type(data) != THREE_GP_TYPE:
        return False
    return {track.codec for track in _tracks(data)} <= _OLD_CODECS | {b"samr"}


def _type_of(data: bytes) -> str:
    top = [kind for kind, _, _ in walk_boxes(data, 0, len(data))]
    if not top or top[0] != b"ftyp" or not set(top) <= _TOP or top.count(b"moov") != 1 or b"mdat" not in top:
        return ""
    brand = data[8:12]
    if brand == b"qt  " or top.index(b"moov") > top.index(b"mdat"):
        return ""
    kind = THREE_GP_TYPE if brand[:3] == b"3gp" else MP4_TYPE
    tracks = _tracks(data)
    videos = [track for track in tracks if track.handler == b"vide"]
    sounds = [track for track in tracks if track.handler == b"soun"]
    if len(videos) != 1 or len(sounds) > 1 or len(videos) + len(sounds) != len(tracks):
        return ""
    plays = _plays_pictures(videos[0], kind) and all(_plays_sound(sound, kind) for sound in sounds)
    return kind if plays and not holds_more(data) else ""


def _plays_pictures(video: _Track, kind: str) -> bool:
    if not video.is_upright:
        return False
    if video.codec in _OLD_CODECS:
        return kind == THREE_GP_TYPE
    configuration = video.entry.find(b"avcC") + 4
    if video.codec != b"avc1" or configuration < 4:
        return False
    return video.entry[configuration + 1] == _BASELINE and video.entry[configuration + 3] <= _HIGHEST_LEVEL


def _plays_sound(sound: _Track, kind: str) -> bool:
    return sound.codec in _SOUND_OF[kind] and (sound.codec != b"mp4a" or _is_plain_aac(sound.entry))


def _tracks(data: bytes) -> list[_Track]:
    return [_track(boxes) for boxes in read_movie(data).tracks]


def _track(boxes: dict[bytes, bytes]) -> _Track:
    """Say what one track is.

    Raises:
        ValueError: it is coded in several ways.
    """
    count, length, codec = struct.unpack_from(">II4s", boxes[b"stsd"], 4)
    if count != 1:
        raise ValueError("more than one sample entry")
    header = boxes[b"tkhd"]
    matrix = 52 if header[0] == 1 else 40
    return _Track(
        handler=handler_of(boxes),
        codec=codec,
        entry=boxes[b"stsd"][16 : 8 + length],
        is_upright=header[matrix : matrix + 36] == _UPRIGHT,
    )


def _is_plain_aac(entry: bytes) -> bool:
    """Tell whether a sample entry of sound says AAC-LC of at most two channels (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2.1).

    ``mp4a`` may also be MP3, or AAC of kinds and channels that handsets do not play.
    """
    body = entry.find(b"esds") + 8  # behind its version
    tag, at = _descriptor(entry, body)
    if body < 8 or tag != _ES or entry[at + 2] & _ES_OPTIONS:
        return False
    tag, at = _descriptor(entry, at + 3)
    if tag != _DECODER or entry[at] != _AAC:
        return False
    tag, at = _descriptor(entry, at + 13)
    kind, channels = entry[at] >> 3, entry[at + 1] >> 3 & 15
    is_listed_rate = (entry[at] << 1 & 14 | entry[at + 1] >> 7) != _OWN_RATE
    return tag == _SPECIFIC and kind == _LOW_COMPLEXITY and is_listed_rate and channels in {1, 2}


def _descriptor(data: bytes, at: int) -> tuple[int, int]:
    """Tell the tag of a descriptor, and where its content begins: behind a length of one to four bytes."""
    content = at + 1
    while data[content] & 0x80:
        content += 1
    return data[at], content + 1
