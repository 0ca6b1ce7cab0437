"""Two files in one, what is encrypted, and bytes that nobody plays: refused by name, or left behind."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import MediaUnsupported
from app.fit.hidden import holds_more
from app.model.media import Facts
from app.probe import probe_media
from tests.media import clips, pictures
from tests.media.fitting import fit

BASELINE = (
    "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-c:a", "aac",
)  # fmt: skip
CENC = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76" * 16, "-encryption_kid", "a7" * 16)


def archive() -> bytes:
    """Make a ZIP, which programs find from its end."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("stranger.txt", "a stranger " * 50)
    return made.getvalue()


def probe(folder: Path, content: bytes) -> Facts:
    (folder / "upload").write_bytes(content)
    return probe_media(folder / "upload", max_pixels=1_000_000)


SOUNDS = ("s.mp3", "s.amr", "s.wav", "s.ogg", "s.aac", "s.flac")
MP3_KINDS = (
    ("-ar", "44100"), ("-ar", "22050"), ("-ar", "11025", "-b:a", "16k"), ("-q:a", "4"), ("-ar", "48000", "-b:a", "320k"),
    ("-write_id3v1", "1", "-metadata", "title=Song"), ("-write_xing", "0"),
    ("-id3v2_version", "0", "-ar", "8000"),
)  # fmt: skip


CLIPS = ("c.avi", "c.mp4", "c.mov", "c.webm", "c.mkv")
PICTURES = ("JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "BMP")
STRANGERS: dict[str, Callable[[], bytes]] = {
    "an archive": archive,
    "a page": lambda: b"<!DOCTYPE html><html><body>" + b"words " * 50,
    "a clip": lambda: clips.clip("c.webm", 1, size="64x48"),
    "a document": lambda: b"%PDF-1.7\n" + b"words " * 50,
}


def of_kind(name: str) -> bytes:
    if name in PICTURES:
        return pictures.save(pictures.photograph(41, 30), name)
    if name == "c.3gp":
        return clips.coded(name, "-c:v", "h263", "-s", "176x144", "-r", "15", "-an", seconds=1)
    if name == "live.webm":
        return clips.coded(name, "-c:v", "libvpx", "-c:a", "libopus", "-live", "1", seconds=1)
    return clips.clip(name, 1, size="64x48") if name in CLIPS else clips.sound(name, 1)


@pytest.mark.parametrize("name", [*SOUNDS, *CLIPS, *PICTURES, "c.3gp", "s.m4a", "live.webm"])
def test_a_stranger_behind_the_end_is_refused_in_every_format_that_has_one(tmp_path: Path, name: str) -> None:
    content = of_kind(name)
    assert probe(tmp_path, content).bytes == len(content)
    assert probe(tmp_path, content + bytes(100)).bytes == len(content) + 100
    for stranger in STRANGERS.values():
        with pytest.raises(MediaUnsupported, match="of something else behind its end"):
            probe(tmp_path, content + stranger())


@pytest.mark.parametrize("options", MP3_KINDS)
def test_no_kind_of_mp3_is_taken_for_one_with_a_stranger(tmp_path: Path, options: tuple[str, ...]) -> None:
    content = clips.make("s.mp3", "-f", "lavfi", "-i", "sine=f=440:d=1", *options)
    assert probe(tmp_path, content).seconds == pytest.approx(1, abs=0.2)
    with pytest.raises(MediaUnsupported, match="behind its end"):
        probe(tmp_path, content + archive())


def test_tags_behind_an_mp3_may_stand_in_any_order(tmp_path: Path) -> None:
    song = clips.sound("s.mp3", 1)
    front, old = b"ID3\x04\0\0\0\0\0\x14" + bytes(20), b"TAG" + bytes(125)
    begin, end = (struct.pack("<8sIIII8x", b"APETAGEX", 2000, 32, 0, flags) for flags in (0xA0000000, 0x80000000))
    for tags in (front, begin + end + old, front + begin + end, old + front, front + old):
        assert probe(tmp_path, song + tags).bytes == len(song + tags)
        with pytest.raises(MediaUnsupported, match="behind its end"):
            probe(tmp_path, song + tags + archive())


def test_a_quicktime_film_from_before_there_were_brands_is_taken(tmp_path: Path) -> None:
    film = clips.clip("c.mov", 1, size="64x48")
    brands = int.from_bytes(film[:4], "big")
    assert film[4:8] == b"ftyp"
    without = struct.pack(">I4s", brands, b"wide") + bytes(brands - 8) + film[brands:]  # nothing else moves
    facts = probe(tmp_path, without)
    assert (facts.content_type, facts.width, facts.height) == ("video/quicktime", 64, 48)


def test_junk_between_the_frames_of_an_mp3_is_not_its_end(tmp_path: Path) -> None:
    first, second = clips.sound("s.mp3", 1), clips.make("t.mp3", "-f", "lavfi", "-i", "sine=f=880:d=1")
    assert probe(tmp_path, first + bytes(700) + second).seconds > 1.5


def test_a_wav_that_was_streamed_does_not_say_its_length(tmp_path: Path) -> None:
    content = bytearray(clips.sound("s.wav", 1))
    for unknown in (b"\xff\xff\xff\xff", bytes(4)):
        content[4:8] = unknown
        assert probe(tmp_path, bytes(content)).seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_what_is_encrypted_is_refused_as_that_and_not_as_damaged(tmp_path: Path, suffix: str) -> None:
    content = clips.coded(f"locked.{suffix}", *BASELINE, *CENC, seconds=1)
    with pytest.raises(MediaUnsupported, match="encrypted") as caught:
        probe(tmp_path, content)
    assert caught.value.facts["found"].endswith(", encrypted")


def element(name: bytes, content: bytes) -> bytes:
    """Make an element of EBML, its length in eight bytes."""
    return name + struct.pack(">Q", len(content) | 1 << 56) + content


def locked(content: bytes) -> bytes:
    """Say of the first track of a WebM that its blocks are encrypted; where lengths stand is written anew."""
    end = content.index(b"\x1f\x43\xb6\x75")
    tracks = content.rindex(b"\x16\x54\xae\x6b", 0, end)  # the index before them names them, too
    entry = content.index(b"\xae", tracks + 4)
    size = (
        content[entry + 1] & 0x7F
        if content[entry + 1] & 0x80
        else struct.unpack_from(">Q", content, entry + 1)[0] & ~(1 << 56)
    )
    begins = entry + (2 if content[entry + 1] & 0x80 else 9)
    encryption = element(b"\x50\x35", element(b"\x47\xe1", b"\x05") + element(b"\x47\xe2", bytes(16)))
    told = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x33", b"\x01") + encryption))
    made = element(b"\x16\x54\xae\x6b", element(b"\xae", content[begins : begins + size] + told))
    head = content.index(b"\x18\x53\x80\x67") + 4  # the segment, whose length is left unknown, as in a stream
    return content[:head] + b"\x01" + b"\xff" * 7 + content[head + 8 : tracks] + made + content[end:]


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_an_encrypted_webm_is_called_that_and_an_open_one_is_taken(tmp_path: Path, suffix: str) -> None:
    content = clips.coded(f"open.{suffix}", "-c:v", "libvpx", "-an", seconds=1)
    assert probe(tmp_path, content).seconds > 0.5
    with pytest.raises(MediaUnsupported, match="encrypted") as caught:
        probe(tmp_path, locked(content))
    assert caught.value.facts["found"].endswith(", encrypted")


def widened(content: bytes, kind: bytes, more: bytes) -> bytes:
    """Put bytes behind the last ones of the box, which stands last in the file."""
    at = content.rfind(kind) - 4
    length = struct.unpack_from(">I", content, at)[0]
    assert at + length == len(content)
    return content[:at] + struct.pack(">I", length + len(more)) + content[at + 4 :] + more


HIDE: dict[str, Callable[[bytes, bytes], bytes]] = {
    "behind the samples": lambda content, more: widened(content, b"mdat", more),
    "in padding": lambda content, more: content + struct.pack(">I4s", 8 + len(more), b"free") + more,
    "in a box of its own": lambda content, more: content + struct.pack(">I4s", 8 + len(more), b"skip") + more,
}


@pytest.mark.parametrize("where", HIDE)
def test_what_is_hidden_in_a_clip_that_fits_does_not_go_out(tmp_path: Path, where: str) -> None:
    plain = clips.coded("plain.mp4", *BASELINE, seconds=1)
    assert fit(tmp_path, plain).untouched
    assert not holds_more(plain)
    made = fit(tmp_path, HIDE[where](plain, archive()))
    assert not made.untouched
    assert b"stranger.txt" not in made.path.read_bytes()


def test_padding_of_zeros_is_nothing_hidden(tmp_path: Path) -> None:
    plain = clips.coded("plain.mp4", *BASELINE, seconds=1)
    assert fit(tmp_path, HIDE["in padding"](plain, bytes(5_000))).untouched


def test_what_is_hidden_in_a_sound_file_goes_and_the_sound_stays_as_it_is(tmp_path: Path) -> None:
    plain = clips.make("s.m4a", "-f", "lavfi", "-i", "sine=f=440:d=1", "-movflags", "+faststart")
    assert fit(tmp_path, plain).untouched
    made = fit(tmp_path, HIDE["in padding"](plain, archive()))
    assert b"stranger.txt" not in made.path.read_bytes()
    assert not made.untouched
    assert made.quality.encodes == 0


def test_any_box_that_grows_by_a_few_bytes_or_has_another_name_is_found(tmp_path: Path) -> None:
    plain = clips.coded("plain.mp4", *BASELINE, seconds=1)
    for kind in (b"mvhd", b"elst", b"stts", b"stsz", b"stco", b"udta"):
        at = plain.find(kind)
        assert holds_more(plain[:at] + b"xyzw" + plain[at + 4 :]), kind
    counted = plain.find(b"stts") + 8
    assert holds_more(plain[:counted] + bytes(3) + b"\x02" + plain[counted + 4 :])
