"""Clips and sound files that go out as they came hold nothing else: decoders are silent about much that a file may carry."""

import struct
import tempfile
from pathlib import Path

import pytest

from app.fit.hidden import holds_more
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

    return with_samples_moved(put(content, path), len(extra))


def with_samples_moved(content: bytes, by: int) -> bytes:
    """Mend the offsets of samples that have moved."""
    made = bytearray(content)
    at = made.find(b"stco")
    while at >= 0:
        for entry in range(at + 12, at + 12 + 4 * struct.unpack_from(">I", made, at + 8)[0], 4):
            struct.pack_into(">I", made, entry, struct.unpack_from(">I", made, entry)[0] + by)
        at = made.find(b"stco", at + 4)
    return bytes(made)


PLAIN = ("-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
TOLD = {
    "a place, in the way of QuickTime": box(b"\xa9xyz", struct.pack(">HH", len(SECRET), 0x15C7) + SECRET),
    "a box that nobody knows": box(b"gpsX", SECRET),
    "a title": box(b"meta", bytes(4) + box(b"ilst", box(b"\xa9nam", box(b"data", b"\0\0\0\1\0\0\0\0" + SECRET)))),
}


CODED = ("-c:v", "libx264", "-profile:v", "baseline", "-level", "3.0", "-pix_fmt", "yuv420p", "-c:a", "aac")


def playable_clip() -> bytes:
    return clips.make(
        "c.mp4", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", *CODED, *PLAIN
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


def cut_without_encoding(name: str, *options: str) -> bytes:
    """Make a clip or sound of six seconds, and of it the last two by an edit list: the first four are still there."""
    whole = clips.make(
        name,
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=160x120:r=10:d=6",
        "-f",
        "lavfi",
        "-i",
        "sine=d=6",
        "-g",
        "100",
        *CODED,
        *options,
    )
    source = Path(tempfile.mkdtemp()) / name
    source.write_bytes(whole)
    return clips.make(name, "-ss", "4", "-i", str(source), "-c", "copy", *PLAIN)


def seconds_beyond_edits(path: Path) -> int:
    """Tell how long a clip or a sound is for a player that passes over the edit list."""
    listed = clips.make("l.txt", "-ignore_editlist", "1", "-i", str(path), "-c", "copy", "-f", "framecrc").splitlines()
    over, under = map(int, next(line for line in listed if line.startswith(b"#tb 0:")).split()[-1].split(b"/"))
    return round(sum(int(line.split(b",")[3]) for line in listed if not line.startswith(b"#")) * over / under)


def test_what_was_cut_away_without_encoding_anew_does_not_go_out(tmp_path: Path) -> None:
    content = cut_without_encoding("c.mp4", "-an")
    (tmp_path / "before").write_bytes(content)
    assert seconds_beyond_edits(tmp_path / "before") == 6
    fitted = fit(tmp_path, content)
    assert not fitted.untouched
    assert seconds_beyond_edits(fitted.path) == 2
    assert fit(tmp_path, fitted.path.read_bytes()).untouched


@pytest.mark.parametrize("entry", ["begin", "length"])
@pytest.mark.parametrize("name", ["clip", "sound"])
def test_an_edit_that_hides_a_second_is_seen_in_pictures_and_sound(name: str, entry: str) -> None:
    content = bytearray(playable_clip() if name == "clip" else playable_sound("s.m4a"))
    assert not holds_more(bytes(content))
    at = content.rfind(b"elst") + 12
    length, begin = struct.unpack_from(">Ii", content, at)
    ticks = struct.unpack_from(">I", content, content.rfind(b"mdhd") + 16)[0]
    changed = (length, begin + ticks // 2) if entry == "begin" else (length // 2, begin)
    struct.pack_into(">Ii", content, at, *changed)
    assert holds_more(bytes(content))


def test_sound_that_was_cut_away_by_an_edit_list_does_not_go_out_in_a_copy(tmp_path: Path) -> None:
    content = bytearray(clips.make("s.m4a", "-f", "lavfi", "-i", "sine=d=8", *PLAIN))
    at = content.rfind(b"elst") + 12
    length, begin = struct.unpack_from(">Ii", content, at)
    hertz = 44_100  # the units of both, for ffmpeg writes sound alone so
    struct.pack_into(">Ii", content, at, length - 3 * hertz, begin + 3 * hertz)
    fitted = fit(tmp_path, bytes(content))
    assert seconds_beyond_edits(fitted.path) == 5
    assert fit(tmp_path, fitted.path.read_bytes()).untouched


DATED = ("-metadata", "creation_time=2019-05-06T07:08:09Z")
NAMED = ("-metadata:s:a", "handler_name=Phone of Anna")


@pytest.mark.parametrize("told", [DATED, NAMED, (*DATED, *NAMED)], ids=["the day", "a name", "both"])
@pytest.mark.parametrize("name", ["c.mp4", "c.3gp", "s.m4a"])
def test_the_day_and_the_device_do_not_go_out_and_no_sample_changes(
    tmp_path: Path, name: str, told: tuple[str, ...]
) -> None:
    pictures = () if name == "s.m4a" else ("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1")
    codec = () if name == "s.m4a" else CODED
    content = clips.make(name, *pictures, "-f", "lavfi", "-i", "sine=d=1", *codec, *PLAIN, *told)
    fitted = fit(tmp_path, content)
    made = fitted.path.read_bytes()
    assert fitted.given_up == ("metadata removed",)
    assert not fitted.untouched
    assert b"Anna" not in made
    assert "creation_time" not in clips.described(made)
    assert content[content.index(b"mdat") :] == made[made.index(b"mdat") :]
    assert fit(tmp_path, made).untouched


def test_a_box_that_nobody_knows_beside_the_codec_does_not_go_out(tmp_path: Path) -> None:
    content, extra = bytearray(playable_clip()), box(b"uuid", SECRET)
    table = content.index(b"stsd") - 4
    end = table + 16 + struct.unpack_from(">I", content, table + 16)[0]
    content[end:end] = extra
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = content.index(kind) - 4 if kind != b"avc1" else table + 16
        struct.pack_into(">I", content, at, struct.unpack_from(">I", content, at)[0] + len(extra))
    fitted = fit(tmp_path, with_samples_moved(bytes(content), len(extra)))
    assert fitted.quality.encodes
    assert SECRET not in fitted.path.read_bytes()


def test_a_name_in_the_place_of_the_encoder_is_overwritten(tmp_path: Path) -> None:
    plain = playable_clip()
    at = plain.index(b"avc1", plain.index(b"stsd")) + 46
    assert plain[at + 1 : at + 5] == b"Lavc"
    named = plain[:at] + b"\x0dPhone of Anna" + bytes(18) + plain[at + 32 :]
    fitted = fit(tmp_path, named)
    assert fitted.path.read_bytes() == plain[:at] + bytes(32) + plain[at + 32 :]
    assert fitted.given_up == ("metadata removed",)


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("mp3.mp4", ("-c:a", "libmp3lame")),
        ("six.mp4", ("-c:a", "aac", "-ac", "6")),
        ("six.3gp", ("-c:a", "aac", "-ac", "6")),
    ],
)
def test_a_clip_whose_sound_handsets_do_not_play_is_made_anew(
    tmp_path: Path, name: str, sound: tuple[str, ...]
) -> None:
    assert fit(tmp_path, playable_clip()).untouched
    source = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1")
    fitted = fit(tmp_path, clips.make(name, *source, *CODED, *PLAIN, *sound))
    assert not fitted.untouched
    said = clips.described(fitted.path.read_bytes())
    assert "aac (LC)" in said
    assert "5.1" not in said


def test_six_channels_in_an_m4a_are_made_anew(tmp_path: Path) -> None:
    fitted = fit(tmp_path, clips.make("s.m4a", "-f", "lavfi", "-i", "sine=d=1", "-ac", "6", *PLAIN))
    assert "mixed to stereo" in fitted.given_up


def test_mpeg_sound_of_another_layer_is_no_mp3(tmp_path: Path) -> None:
    fitted = fit(tmp_path, clips.make("s.mp2", "-f", "lavfi", "-i", "sine=d=1"))
    assert fitted.content_type == "audio/mp4"


def test_a_sample_that_lies_about_its_length_makes_no_room_for_a_stranger() -> None:
    content = playable_clip()
    extra = SECRET * 9
    content = grown(content, [b"mdat"], extra)
    made = bytearray(playable_clip())
    begin = made.index(b"mdat") - 4
    made[begin:] = content[content.index(b"mdat") - 4 :]
    first = made.index(b"stsz") + 16
    struct.pack_into(">I", made, first, struct.unpack_from(">I", made, first)[0] + len(extra))
    assert bytes(made).endswith(extra)
    assert not holds_more(playable_clip())
    assert holds_more(bytes(made))
