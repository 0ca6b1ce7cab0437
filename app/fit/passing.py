"""Which clips handsets play as they came: the structure of an MP4 or 3GP, read without decoding."""

import struct
from dataclasses import dataclass

from app.fit.boxes import walk_boxes
from app.fit.hidden import holds_more

MP4_TYPE = "video/mp4"
THREE_GP_TYPE = "video/3gpp"
_BASELINE = 66
_HIGHEST_LEVEL = 31
_TOP = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})  # no uuid: XMP may say where it was taken
_UPRIGHT = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_OLD_CODECS = frozenset({b"s263", b"mp4v"})
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
    except (struct.error, IndexError, ValueError):
        return ""


def is_plain_m4a(data: bytes) -> bool:
    """Tell whether it is one track of AAC, index first, and nothing else: an M4A may also hold ALAC, a cover, XMP."""
    try:
        top = [kind for kind, _, _ in walk_boxes(data, 0, len(data))]
        tracks = _tracks(data)
    except (struct.error, IndexError, ValueError):
        return False
    is_in_order = set(top) <= _TOP and b"mdat" in top and top.index(b"moov") < top.index(b"mdat")
    return is_in_order and [(track.handler, track.codec) for track in tracks] == [(b"soun", b"mp4a")]


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
    plays = _plays_pictures(videos[0], kind) and all(sound.codec in _SOUND_OF[kind] for sound in sounds)
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


def _tracks(data: bytes) -> list[_Track]:
    index = _child(data, (0, len(data)), b"moov")
    return [_track(data, (begin, end)) for kind, begin, end in walk_boxes(data, *index) if kind == b"trak"]


def _track(data: bytes, span: tuple[int, int]) -> _Track:
    media = _child(data, span, b"mdia")
    handler = _child(data, media, b"hdlr")[0]
    table = _child(data, _child(data, media, b"minf"), b"stbl")
    entries = _child(data, table, b"stsd")[0] + 8
    length = struct.unpack_from(">I", data, entries)[0]
    header = _child(data, span, b"tkhd")[0]
    matrix = header + (52 if data[header] == 1 else 40)
    return _Track(
        handler=data[handler + 8 : handler + 12],
        codec=data[entries + 4 : entries + 8],
        entry=data[entries + 8 : entries + length],
        is_upright=data[matrix : matrix + 36] == _UPRIGHT,
    )


def _child(data: bytes, span: tuple[int, int], wanted: bytes) -> tuple[int, int]:
    """Find the first box of a kind; returns where its body begins and ends.

    Raises:
        ValueError: there is none.
    """
    for kind, begin, end in walk_boxes(data, *span):
        if kind == wanted:
            return begin, end
    raise ValueError(f"no {wanted!r}")
