"""A file that is cut off is refused, whatever it is; a whole one is taken, whichever program wrote it."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from app.confine.programs import ffmpeg_path, run_program
from app.errors import MediaDamaged
from app.model.media import Choice, Facts, Form
from app.probe import probe_media
from app.probe.ends import bytes_behind
from app.probe.flac import flac_ends
from tests.media import clips, pictures
from tests.media.fitting import fit

TONE = ("-f", "lavfi", "-i", "anoisesrc=d=1:a=0.2:s=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast")
VP8 = ("-c:v", "libvpx", "-b:v", "300k", "-c:a", "libopus")
H263 = ("-c:v", "h263", "-s", "176x144", "-r", "15", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")
VCARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Lovelace\r\nN:Lovelace;Ada;;;\r\nTEL:+12515550130\r\nEND:VCARD\r\n"


def sound(name: str, *codec: str) -> bytes:
    return clips.make(name, *TONE, *codec)


def video(name: str, *codec: str) -> bytes:
    return clips.coded(name, *codec, seconds=1)


def moving(kind: str) -> bytes:
    return pictures.animation([pictures.photograph(60, 40, seed) for seed in range(5)], kind)


WHOLE: dict[str, Callable[[], bytes]] = {
    "mp4": lambda: video("c.mp4", *H264),
    "mp4, index in front": lambda: video("c.mp4", *H264, "-movflags", "+faststart"),
    "mp4 in fragments": lambda: video("c.mp4", *H264, "-movflags", "frag_keyframe+empty_moov"),
    "mov": lambda: video("c.mov", *H264),
    "3gp": lambda: video("c.3gp", *H263),
    "m4a": lambda: sound("s.m4a"),
    "webm": lambda: video("c.webm", *VP8),
    "webm recorded live": lambda: video("c.webm", *VP8, "-live", "1"),
    "mkv": lambda: video("c.mkv", *H264),
    "mkv recorded live": lambda: video("c.mkv", *H264, "-live", "1"),
    "avi": lambda: video("c.avi", "-c:v", "mpeg4", "-c:a", "mp3"),
    "wav": lambda: sound("s.wav"),
    "flac": lambda: sound("s.flac"),
    "flac, 24 bits": lambda: sound("s.flac", "-sample_fmt", "s32", "-ar", "96000", "-ac", "2"),
    "ogg": lambda: sound("s.ogg"),
    "ogg, opus": lambda: sound("s.ogg", "-c:a", "libopus"),
    "mp3": lambda: sound("s.mp3"),
    "mp3 without a header": lambda: sound("s.mp3", "-write_xing", "0"),
    "mp3, mono at 16 kHz": lambda: sound("s.mp3", "-ac", "1", "-ar", "16000", "-q:a", "4"),
    "amr": lambda: sound("s.amr", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
    "aac": lambda: sound("s.aac"),
    "gif that moves": lambda: moving("GIF"),
    "webp that moves": lambda: moving("WEBP"),
    "png that moves": lambda: moving("PNG"),
    "vcard": lambda: VCARD,
}


def probe(folder: Path, content: bytes) -> Facts:
    (folder / "upload").write_bytes(content)
    return probe_media(folder / "upload", max_pixels=1_000_000)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_is_cut_off_is_refused_and_the_whole_one_is_taken(tmp_path: Path, kind: str) -> None:
    content = WHOLE[kind]()
    assert probe(tmp_path, content).bytes == len(content)
    # The last bytes of an AVI are an index, and programs miscount them; of 12 of them the loss is known in all others, too.
    for here in (len(content) * 2 // 3, len(content) - 12):
        with pytest.raises(MediaDamaged):
            probe(tmp_path, content[:here])


def frames_fewer(content: bytes, count: int) -> bytes:
    """Cut an MP3 of equal frames between two of them."""
    first = content.index(b"\xff\xfb")
    frames = [first]
    while (at := content.find(b"\xff\xfb", frames[-1] + 4)) > 0:
        frames.append(at)
    return content[: frames[-count]]


def test_an_mp3_cut_between_two_frames_is_known_by_its_own_count_only(tmp_path: Path) -> None:
    assert probe(tmp_path, frames_fewer(sound("s.mp3", "-b:a", "128k", "-ar", "32000"), 2)).seconds > 0.8
    with pytest.raises(MediaDamaged, match="frames announced"):
        probe(tmp_path, frames_fewer(sound("s.mp3", "-b:a", "128k", "-ar", "32000"), 10))
    assert probe(tmp_path, frames_fewer(sound("s.mp3", "-b:a", "128k", "-ar", "32000", "-write_xing", "0"), 10))


def test_a_vbri_header_counts_frames_as_well(tmp_path: Path) -> None:
    content = bytearray(sound("s.mp3", "-b:a", "128k", "-ar", "32000"))
    frame = content.index(b"\xff\xfb")
    told = content.index(b"Info") if b"Info" in content else content.index(b"Xing")
    count = int.from_bytes(content[told + 8 : told + 12], "big")
    content[told : told + 4] = bytes(4)
    content[frame + 36 : frame + 54] = struct.pack(">4sHHHII", b"VBRI", 1, 0, 75, len(content), count)
    assert probe(tmp_path, bytes(content)).seconds > 0.8
    with pytest.raises(MediaDamaged, match="frames announced"):
        probe(tmp_path, frames_fewer(bytes(content), 10))


def test_a_flac_of_fewer_samples_than_it_says_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    content = sound("s.flac")
    begins = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xf8" and flac_at(content, at)]
    assert len(begins) > 5
    with pytest.raises(MediaDamaged, match="samples announced"):
        probe(tmp_path, content[: begins[-1]])


def flac_at(content: bytes, at: int) -> bool:
    """Tell whether one frame ends here and another begins."""
    try:
        flac_ends(content[:at])
    except ValueError as broken:
        return "announced" in str(broken)
    return False


def test_a_flac_that_was_streamed_says_no_length_and_its_last_frame_is_still_whole_or_not(tmp_path: Path) -> None:
    content = bytearray(sound("s.flac"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    assert probe(tmp_path, bytes(content)).seconds == pytest.approx(1, abs=0.01)
    with pytest.raises(MediaDamaged, match="its last frame"):
        probe(tmp_path, bytes(content[:-12]))


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_an_ogg_that_never_says_that_it_ends_is_what_phones_record(tmp_path: Path, codec: str) -> None:
    content = sound("s.ogg", "-c:a", codec)
    last = content.rindex(b"OggS")
    # Android marks no page as the last one, and so does a program that is stopped: cut between two pages.
    assert content[last + 5] & 4
    assert probe(tmp_path, content[:last]).seconds < 1


def amr_wide(mode: int, length: int, frames: int) -> bytes:
    return b"#!AMR-WB\n" + (bytes((mode << 3 | 4,)) + bytes(length - 1)) * frames


@pytest.mark.parametrize(("mode", "length"), [(0, 18), (2, 33), (8, 61), (9, 6)])
def test_wide_band_amr_has_an_end_as_well(mode: int, length: int) -> None:
    content = amr_wide(mode, length, 20)
    assert bytes_behind("audio/amr", content) == 0
    assert bytes_behind("audio/amr", content + b"PK\x03\x04 and so on") == 14
    with pytest.raises(ValueError, match="are missing"):
        bytes_behind("audio/amr", content[:-3])


PROGRAMS = {
    "flac of few samples": ("s.flac", "-frame_size", "576"),
    "flac of odd rate": ("s.flac", "-ar", "12345"),
    "flac of six channels": ("s.flac", "-ac", "6"),
    "flac, slowest": ("s.flac", "-compression_level", "12"),
    "flac in ogg": ("s.ogg", "-c:a", "flac"),
    "ogg in small pages": ("s.ogg", "-page_duration", "20000"),
    "opus, long frames": ("s.ogg", "-c:a", "libopus", "-frame_duration", "60"),
    "amr of the fewest bits": ("s.amr", "-ar", "8000", "-ac", "1", "-b:a", "4.75k"),
    "aac of six channels": ("s.aac", "-ac", "6"),
    "mp3 of the fewest bits": ("s.mp3", "-ar", "8000", "-ac", "1", "-b:a", "8k"),
    "mp3 of the most bits": ("s.mp3", "-ar", "48000", "-b:a", "320k"),
    "mp3 with tags behind": ("s.mp3", "-write_id3v1", "1", "-metadata", "title=Song"),
    "wav of 24 bits": ("s.wav", "-c:a", "pcm_s24le"),
    "wav of floats": ("s.wav", "-c:a", "pcm_f32le"),
    "wav of telephones": ("s.wav", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"),
    "m4a in fragments": ("s.m4a", "-movflags", "frag_keyframe+empty_moov"),
}


@pytest.mark.parametrize("options", PROGRAMS.values(), ids=PROGRAMS)
def test_a_whole_sound_file_of_any_setting_is_taken(tmp_path: Path, options: tuple[str, ...]) -> None:
    content = sound(*options)
    assert probe(tmp_path, content).seconds == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("length", [None, 0x7FFF_F000, 0x8000_0000], ids=["ffmpeg", "espeak", "arecord"])
def test_a_wav_that_was_written_to_a_pipe_is_taken_and_becomes_what_handsets_play(
    tmp_path: Path, length: int | None
) -> None:
    program = [ffmpeg_path() or "ffmpeg", "-v", "error", *TONE, "-f", "wav", "-"]
    content = bytearray(run_program(program).stdout)
    data = content.index(b"data") + 4
    assert content[4:8] == content[data : data + 4] == b"\xff\xff\xff\xff"
    if length:
        content[4:8], content[data : data + 4] = struct.pack("<I", length + 36), struct.pack("<I", length)
    assert probe(tmp_path, bytes(content)).seconds == pytest.approx(1, abs=0.01)
    fitted = fit(tmp_path, bytes(content), choice=Choice(Form.AMR))
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(1, abs=0.1)


def test_a_tag_in_front_does_not_make_an_mp3_of_what_is_none(tmp_path: Path) -> None:
    tag = b"ID3\x04\0\0\0\0\0\x14" + bytes(20)
    for name, content_type in (("s.aac", "audio/aac"), ("s.flac", "audio/flac"), ("s.mp3", "audio/mpeg")):
        content = tag + sound(name)
        assert probe(tmp_path, content).content_type == content_type
        with pytest.raises(MediaDamaged):
            probe(tmp_path, content[:-12])


def test_a_wav_whose_length_may_have_64_bits_is_a_wav(tmp_path: Path) -> None:
    content = sound("s.wav", "-rf64", "always")
    assert content.startswith(b"RF64")
    assert probe(tmp_path, content).seconds == pytest.approx(1, abs=0.01)
