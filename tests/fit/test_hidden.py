"""Clips and sound files that go out as they came hold nothing else: decoders are silent about much that a file may carry."""

import struct
from pathlib import Path

import pytest

from tests.media import clips
from tests.media.fitting import fit

SECRET = b"+51.5000-000.1000/"


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def grown(content: bytes, path: list[bytes], extra: bytes) -> bytes:
    """Put a box behind the others of the first box at ``path``, and mend the offsets of the samples behind it."""

    def put(span: bytes, way: list[bytes]) -> bytes:
        pieces, at, is_done = [], 0, False
        while at < len(span):
            length, kind = struct.unpack_from(">I4s", span, at)
            body = span[at + 8 : at + length]
            if way and kind == way[0] and not is_done:
                body, is_done = put(body, way[1:]) if way[1:] else body + extra, True
            pieces.append(box(kind, body))
            at += length
        return b"".join(pieces)

    made = bytearray(put(content, path))
    at = made.find(b"stco")
    while at >= 0:
        for entry in range(at + 12, at + 12 + 4 * struct.unpack_from(">I", made, at + 8)[0], 4):
            struct.pack_into(">I", made, entry, struct.unpack_from(">I", made, entry)[0] + len(extra))
        at = made.find(b"stco", at + 4)
    return bytes(made)


PLAIN = ("-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
TOLD = {
    "a place, in the way of QuickTime": box(b"\xa9xyz", struct.pack(">HH", len(SECRET), 0x15C7) + SECRET),
    "a box that nobody knows": box(b"gpsX", SECRET),
    "a title": box(b"meta", bytes(4) + box(b"ilst", box(b"\xa9nam", box(b"data", b"\0\0\0\1\0\0\0\0" + SECRET)))),
}


def playable_clip() -> bytes:
    codec = ("-c:v", "libx264", "-profile:v", "baseline", "-level", "3.0", "-pix_fmt", "yuv420p", "-c:a", "aac")
    return clips.make(
        "c.mp4", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", *codec, *PLAIN
    )


def playable_sound(name: str) -> bytes:
    options = PLAIN if name.endswith("m4a") else ("-id3v2_version", "0", "-write_xing", "0", "-b:a", "64k")
    return clips.make(name, "-f", "lavfi", "-i", "sine=d=2", *options)


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("path", [[b"moov"], [b"moov", b"trak"]], ids=["of the file", "of a track"])
@pytest.mark.parametrize("make", [playable_clip, lambda: playable_sound("s.m4a")], ids=["clip", "sound"])
def test_user_data_of_an_mp4_does_not_go_out(tmp_path: Path, make: object, path: list[bytes], told: str) -> None:
    assert callable(make)
    plain = make()
    assert fit(tmp_path, plain).untouched
    content = grown(plain, path, box(b"udta", TOLD[told]))
    assert SECRET in content
    fitted = fit(tmp_path, content)
    assert SECRET not in fitted.path.read_bytes()
    assert not fitted.untouched
    assert all(fitted.given_up)


def test_the_name_of_an_encoder_may_stay(tmp_path: Path) -> None:
    name = box(b"meta", bytes(4) + box(b"ilst", box(b"\xa9too", box(b"data", b"\0\0\0\1\0\0\0\0Lavf61.7.100"))))
    assert fit(tmp_path, grown(playable_clip(), [b"moov"], box(b"udta", name))).untouched


def id3(kind: bytes, body: bytes) -> bytes:
    frame = kind + struct.pack(">IH", len(body), 0) + body
    return b"ID3\x03\0\0" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + frame


def apev2() -> bytes:
    item = struct.pack("<II", len(SECRET), 0) + b"Location\0" + SECRET
    ends = (
        b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8) for flags in (5 << 29, 4 << 29)
    )
    return next(ends) + item + next(ends)


MP3_TAGS = {
    "a file, in front": (id3(b"GEOB", b"\0application/x\0f\0d\0" + SECRET), b""),
    "a cover of no kind that is known": (id3(b"APIC", b"\0image/xyz\0\x03\0" + SECRET), b""),
    "a frame that nobody knows": (id3(b"XGEO", SECRET), b""),
    "an APEv2 tag": (b"", apev2()),
    "lyrics": (b"", b"LYRICSBEGIN" + SECRET + b"000029LYRICS200"),
}


@pytest.mark.parametrize("tag", MP3_TAGS)
def test_what_is_no_sound_in_an_mp3_does_not_go_out(tmp_path: Path, tag: str) -> None:
    plain = playable_sound("s.mp3")
    before, behind = MP3_TAGS[tag]
    fitted = fit(tmp_path, before + plain + behind)
    assert fitted.path.read_bytes() == plain
    assert fitted.given_up == ("metadata removed",)


def test_what_lies_between_the_frames_of_an_mp3_does_not_go_out(tmp_path: Path) -> None:
    plain = playable_sound("s.mp3")
    middle = plain.find(plain[:3], len(plain) // 2)
    fitted = fit(tmp_path, plain[:middle] + SECRET * 30 + plain[middle:])
    assert fitted.path.read_bytes() == plain
    assert not fitted.untouched
