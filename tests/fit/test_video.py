"""Videos as people have them: HDR, turned, uneven, silent, odd, large, in every container; to MP4, 3GP and one picture."""

import re
from pathlib import Path

import numpy as np
import pytest

from app.errors import CannotFit, MediaDamaged
from app.fit.passing import is_strict_3gp, passing_type
from app.limits import budget_of, profile_named
from app.model.media import Budget, Choice, Form, Kind
from tests.media import clips
from tests.media.fitting import UNIVERSAL, fit, probe

_FAST = ("-c:v", "libx264", "-preset", "ultrafast")
_BARS = ((180, 180, 180), (180, 180, 16), (16, 180, 180), (16, 180, 16), (180, 16, 180), (180, 16, 16), (16, 16, 180))


def bar_colors(content: bytes) -> "np.typing.NDArray[np.float64]":
    """Read the seven colours of the upper bars in the middle of the clip."""
    pixels = np.frombuffer(clips.frame_of(content, 0.5, (70, 40)), np.uint8).reshape(40, 70, 3).astype(float)
    return np.stack([pixels[5:20, left + 3 : left + 7].mean(axis=(0, 1)) for left in range(0, 70, 10)])


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_comes_out_in_the_colours_that_it_was_made_of(tmp_path: Path, transfer: str) -> None:
    content = clips.hdr(transfer)
    assert probe(tmp_path, content).color == {"smpte2084": "PQ", "arib-std-b67": "HLG"}[transfer]
    fitted = fit(tmp_path, content)
    assert any("HDR" in said for said in fitted.given_up)
    found = bar_colors(fitted.path.read_bytes())
    # A tone map darkens; what must not happen is that colours fade or turn, as they do when PQ is taken for SDR.
    for color, wanted in zip(found, _BARS, strict=True):
        high = [value for value, meant in zip(color, wanted, strict=True) if meant > 100]
        low = [value for value, meant in zip(color, wanted, strict=True) if meant < 100]
        assert min(high) > 110
        assert max(low, default=0) < 75
    poster = fit(tmp_path, content, choice=Choice(Form.FIRST_FRAME))
    assert (poster.content_type, poster.width, poster.height) == ("image/jpeg", 320, 180)


def test_sdr_keeps_its_colours(tmp_path: Path) -> None:
    bars = clips.coded(
        "bars.mp4", *_FAST, "-pix_fmt", "yuv420p", "-crf", "5", source="smptebars=s=320x180:r=25:d=1", tone=False
    )
    fitted = fit(tmp_path, bars, Budget(60_000, 1920))
    assert not fitted.untouched
    assert np.abs(bar_colors(fitted.path.read_bytes()) - bar_colors(bars)).max() < 8


def test_an_uneven_rate_keeps_its_length_and_what_is_shown_when(tmp_path: Path) -> None:
    content = clips.with_uneven_times()
    fitted = fit(tmp_path, content)
    again = probe(tmp_path, fitted.path.read_bytes())
    assert again.seconds == pytest.approx(2, abs=0.12)
    shown = np.frombuffer(clips.frame_of(fitted.path.read_bytes(), 1.5, (80, 45)), np.uint8).astype(float)
    original = np.frombuffer(clips.frame_of(content, 1.5, (80, 45)), np.uint8).astype(float)
    assert np.abs(shown - original).mean() < 8


@pytest.mark.parametrize(
    ("name", "codec", "source"),
    [
        ("odd.mp4", (*_FAST, "-pix_fmt", "yuv444p"), "testsrc2=s=321x181:r=30:d={seconds}"),
        ("deep.mkv", ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"),
         "testsrc2=s=320x180:r=30:d={seconds}"),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
         "testsrc2=s=320x180:r=25:d={seconds}"),
        ("av1.mp4", ("-c:v", "libsvtav1", "-preset", "12"), "testsrc2=s=320x180:r=25:d={seconds}"),
        ("old.3gp", ("-c:v", "h263", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
         "testsrc2=s=352x288:r=25:d={seconds}"),
        ("pcm.mov", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"), "testsrc2=s=320x180:r=30:d={seconds}"),
        ("fragments.mp4", (*_FAST, "-movflags", "frag_keyframe+empty_moov", "-bf", "2"), "testsrc2=s=320x180:r=30:d={seconds}"),
        ("tall.mp4", _FAST, "testsrc2=s=90x1000:r=10:d={seconds}"),
        ("tiny.mp4", _FAST, "testsrc2=s=16x16:r=10:d={seconds}"),
        ("4k.mp4", _FAST, "testsrc2=s=3840x2160:r=60:d=0.5"),
        ("one.mkv", _FAST, "testsrc2=s=320x180:r=25:d=0.04"),
    ],
)  # fmt: skip
def test_whatever_the_pictures_are_they_become_baseline(
    tmp_path: Path, name: str, codec: tuple[str, ...], source: str
) -> None:
    seconds = 0.04 if name == "one.mkv" else 0.5 if name == "4k.mp4" else 1.0
    content = clips.coded(name, *codec, seconds=seconds, source=source)
    facts = probe(tmp_path, content)
    assert facts.kind is Kind.VIDEO
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4))
    made = fitted.path.read_bytes()
    assert passing_type(made) == "video/mp4"
    assert fitted.bytes <= UNIVERSAL.max_bytes
    assert fitted.width <= facts.width
    assert fitted.height <= facts.height
    again = probe(tmp_path, made)
    assert (again.width, again.height, again.color) == (fitted.width, fitted.height, "")
    assert again.channels == min(facts.channels, again.channels) > 0
    assert again.seconds == pytest.approx(facts.seconds, abs=0.15)


@pytest.mark.parametrize("form", [Form.MP4, Form.FIRST_FRAME])
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("codec", [("-c:v", "mpeg2video", "-b:v", "6M"), ("-c:v", "libx264", "-x264-params", "tff=1")])
def test_interlaced_pictures_do_not_come_out_as_combs(
    tmp_path: Path, codec: tuple[str, ...], form: Form, fast: bool
) -> None:
    # A bar that moves sideways: its edge is straight in a picture of one moment, and a comb in one of two.
    moving = "color=black:s=320x180:r=50:d=1[a];color=white:s=60x180:r=50:d=1[b];[a][b]overlay=x=8*n,interlace"
    content = clips.coded("lines.mkv", *codec, "-flags", "+ilme+ildct", source=moving, tone=False)
    assert probe(tmp_path, content).is_interlaced
    fitted = fit(tmp_path, content, choice=Choice(form, start=0.4, seconds=0.4), fast=fast)
    assert form is Form.FIRST_FRAME or any(said.startswith("interlaced") for said in fitted.given_up)
    made = fitted.path.read_bytes()
    pixels = np.frombuffer(clips.frame_of(made, 0, (320, 180)), np.uint8).reshape(180, 320, 3)[..., 1].astype(float)
    assert np.abs(pixels[90:101] - pixels[89:100]).max() < 100


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    content = clips.coded(
        "wide.mp4", *_FAST, "-vf", "setsar=2/1", seconds=1, source="testsrc2=s=160x180:r=25:d={seconds}"
    )
    facts = probe(tmp_path, content)
    assert (facts.width, facts.height) == (160, 90)
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4, seconds=0.5))
    assert (fitted.width, fitted.height) == (160, 90)


def test_an_mp4_with_sound_alone_is_a_sound_file(tmp_path: Path) -> None:
    content = clips.make("sound.mp4", "-f", "lavfi", "-i", "sine=f=440:d=2")
    assert probe(tmp_path, content).kind is Kind.AUDIO
    assert fit(tmp_path, content).content_type == "audio/mp4"


def test_a_damaged_end_of_the_sound_is_left_out_and_said(tmp_path: Path) -> None:
    whole = clips.coded("whole.avi", "-c:v", "mpeg4", "-c:a", "ac3", source="testsrc2=s=160x90:r=25:d={seconds}")
    # The last packet of sound is cut short inside of its chunk, as by a recorder that ran out of power.
    at = whole.rfind(b"01wb", 0, whole.rfind(b"idx1"))
    length = int.from_bytes(whole[at + 4 : at + 8], "little")
    torn = whole[: at + 8] + whole[at + 8 : at + 40] + bytes(length - 32) + whole[at + 8 + length :]
    fitted = fit(tmp_path, torn, choice=Choice(Form.MP4))
    assert "damaged pieces of the sound left out" in fitted.given_up
    assert probe(tmp_path, fitted.path.read_bytes()).channels == 1


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP])
@pytest.mark.parametrize("fast", [False, True])
def test_sound_that_nobody_decodes_is_left_out_and_said(tmp_path: Path, form: Form, fast: bool) -> None:
    whole = clips.coded("whole.mp4", *_FAST, source="testsrc2=s=160x90:r=25:d={seconds}")
    unread = whole.replace(b"mp4a", b"apac").replace(b"esds", b"dapa")
    fitted = fit(tmp_path, unread, choice=Choice(form), fast=fast)
    assert "sound left out: of a kind that no decoder here reads" in fitted.given_up
    assert not any("sound compressed" in said for said in fitted.given_up)
    assert probe(tmp_path, fitted.path.read_bytes()).channels == 0


def test_pictures_that_are_damaged_are_refused(tmp_path: Path) -> None:
    whole = clips.clip("clip.mp4", 2)
    middle = whole.find(b"mdat") + 100_000
    torn = whole[:middle] + bytes(60_000) + whole[middle + 60_000 :]
    with pytest.raises(MediaDamaged):
        fit(tmp_path, torn, Budget(60_000, 1920))


@pytest.mark.parametrize("max_bytes", [20_000, 60_000, 150_000, 290_000])
@pytest.mark.parametrize("rotated", [False, True])
def test_a_3gp_is_what_the_oldest_handsets_play(tmp_path: Path, max_bytes: int, rotated: bool) -> None:
    content = clips.clip("clip.mp4", 4, rotated=rotated)
    fitted = fit(tmp_path, content, Budget(max_bytes, 1920), Choice(Form.THREE_GP))
    made = fitted.path.read_bytes()
    assert fitted.bytes <= max_bytes
    assert fitted.content_type == "video/3gpp"
    assert (fitted.width, fitted.height) in {(128, 96), (176, 144), (352, 288)}
    assert is_strict_3gp(made)
    assert made[4:12] == b"ftyp3gp4"
    assert fitted.quality.encodes <= 3
    told = clips.described(made)
    assert re.search(r"Video: h263 .*SAR 12:11 DAR 4:3|Video: h263 .*128x96 ", told)
    assert re.search(r"Audio: amr_nb .*8000 Hz, mono", told)
    fps = re.search(r"([0-9.]+) fps", told)
    assert fps is not None
    assert float(fps[1]) <= 15
    assert made[made.find(b"d263") + 9] in {10, 30, 45}
    assert probe(tmp_path, made).seconds == pytest.approx(4, abs=0.2)
    assert any("telephone" in said for said in fitted.given_up)
    assert fit(tmp_path, made, Budget(max_bytes, 1920), Choice(Form.THREE_GP)).untouched


def test_a_3gp_shows_the_picture_in_its_proportions(tmp_path: Path) -> None:
    wide = clips.coded("white.mp4", *_FAST, source="color=white:s=640x360:r=15:d=1", seconds=1, tone=False)
    fitted = fit(tmp_path, wide, Budget(20_000, 1920), Choice(Form.THREE_GP))
    assert (fitted.width, fitted.height) == (352, 288)
    pixels = np.frombuffer(clips.frame_of(fitted.path.read_bytes(), 0.5, (352, 288)), np.uint8).reshape(288, 352, 3)
    bright = pixels.mean(axis=2) > 128
    across, down = int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum())
    assert across * 12 / 11 / down == pytest.approx(640 / 360, rel=0.03)
    assert any("black bars" in said for said in fitted.given_up)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP, Form.FIRST_FRAME])
def test_the_same_video_gives_the_same_bytes(tmp_path: Path, form: Form, fast: bool) -> None:
    content = clips.clip("clip.mp4", 2)
    made = {fit(tmp_path, content, Budget(60_000, 1920), Choice(form), fast=fast).sha256 for _ in range(2)}
    assert len(made) == 1


@pytest.mark.parametrize("profile", ["urgent", "universal", "xlarge"])
@pytest.mark.parametrize("fast", [False, True])
def test_the_room_is_used_and_never_exceeded_with_one_correction_at_most(
    tmp_path: Path, profile: str, fast: bool
) -> None:
    budget = budget_of(profile_named(profile))
    fitted = fit(tmp_path, clips.clip("clip.mp4", 4), budget, fast=fast)
    assert 0.96 * budget.max_bytes <= fitted.bytes <= budget.max_bytes
    assert fitted.quality.encodes <= 3


def test_pass_through_is_for_what_handsets_play_alone(tmp_path: Path) -> None:
    baseline = (
        "-c:v",
        "libx264",
        "-profile:v",
        "baseline",
        "-pix_fmt",
        "yuv420p",
        "-movflags",
        "+faststart",
        "-c:a",
        "aac",
    )
    plain = clips.coded("plain.mp4", *baseline)
    assert fit(tmp_path, plain).untouched
    assert not fit(tmp_path, plain, choice=Choice(seconds=1)).untouched
    for other in (
        clips.coded("high.mp4", "-c:v", "libx264", "-profile:v", "high", "-movflags", "+faststart"),
        clips.coded("late.mp4", *baseline[:6]),
        clips.coded(
            "mp3.mp4", *baseline[:8], "-c:a", "libmp3lame", "-ac", "1", "-f", "mp4", "-strict", "-1", "-c:a", "alac"
        ),
        plain[:-8] + (4096).to_bytes(4, "big") + b"uuid" + bytes(4088),
        turned(plain),
    ):
        assert passing_type(other) == ""


def turned(content: bytes) -> bytes:
    """Write a quarter turn into the track's matrix: nothing else differs."""
    at = content.find(b"tkhd") + 4 + 40
    quarter = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    )
    return content[:at] + quarter + content[at + 36 :]


def test_a_cut_of_open_groups_of_pictures_is_clean(tmp_path: Path) -> None:
    codec = (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error:keyint=15:open-gop=1:bframes=3",
    )
    content = clips.coded("open.mp4", *codec, seconds=3)
    fitted = fit(tmp_path, content, choice=Choice(start=0.7, seconds=1))
    shown = np.frombuffer(clips.frame_of(fitted.path.read_bytes(), 0.5, (80, 45)), np.uint8).astype(float)
    original = np.frombuffer(clips.frame_of(content, 1.2, (80, 45)), np.uint8).astype(float)
    assert np.abs(shown - original).mean() < 6


def test_what_may_not_go_out_is_not_offered_instead(tmp_path: Path) -> None:
    budget = Budget(6_000, 1920, ("video/mp4",))
    with pytest.raises(CannotFit) as caught:
        fit(tmp_path, clips.clip("clip.mp4"), budget)
    assert caught.value.facts["instead"] == ["cut"]
    cut = Choice(Form.MP4, **caught.value.facts["cut"])
    assert fit(tmp_path, clips.clip("clip.mp4"), budget, cut).bytes <= 6_000
