"""Sound files: which form, how many bits, cut, without tags and covers, never over the budget."""

import math
import wave
from pathlib import Path

import pytest

from app.errors import CannotFit, InvalidRequest
from app.fit.audio_plan import TYPES, plan_audio
from app.model.media import Budget, Choice, Facts, Form, Kind
from app.model.mpeg_audio import mpeg_frames
from tests.media import clips
from tests.media.fitting import UNIVERSAL, fit, probe

_NOISE = "anoisesrc=c=pink:a=0.5:d={seconds}"


def noise(name: str, *options: str, seconds: float = 8) -> bytes:
    return clips.make(name, "-f", "lavfi", "-i", _NOISE.format(seconds=seconds), *options)


def facts_of(seconds: float, *, hertz: int = 44_100, channels: int = 2) -> Facts:
    return Facts(Kind.AUDIO, "audio/wav", 10_000_000, seconds=seconds, hertz=hertz, channels=channels)


@pytest.mark.parametrize("form", [Form.AAC, Form.AMR, Form.MP3])
@pytest.mark.parametrize(
    ("name", "options"),
    [("n.wav", ("-ac", "2")), ("n.mp3", ()), ("n.m4a", ()), ("n.ogg", ()), ("n.flac", ("-ac", "6", "-ar", "48000")),
     ("n.amr", ("-ar", "8000", "-ac", "1"))],
)  # fmt: skip
def test_every_kind_becomes_every_form(tmp_path: Path, name: str, options: tuple[str, ...], form: Form) -> None:
    budget = Budget(20_000, 1920)
    fitted = fit(tmp_path, noise(name, *options), budget, Choice(form))
    assert fitted.content_type == TYPES[form]
    assert fitted.bytes <= 20_000
    again = probe(tmp_path, fitted.path.read_bytes())
    assert (again.kind, again.content_type) == (Kind.AUDIO, TYPES[form])
    assert again.seconds == pytest.approx(8, abs=0.3)
    assert fit(tmp_path, fitted.path.read_bytes(), budget, Choice(form)).untouched


@pytest.mark.parametrize("max_bytes", [12_000, 20_000, 50_000, 150_000])
@pytest.mark.parametrize("form", [Form.AUTO, Form.AAC, Form.AMR, Form.MP3])
@pytest.mark.parametrize("source", ["sine=f=3000:d=8", "anoisesrc=c=white:a=1:d=8", "anullsrc=r=44100:d=8"])
def test_no_sound_whatever_is_over_the_budget(tmp_path: Path, form: Form, max_bytes: int, source: str) -> None:
    content = clips.make("s.wav", "-f", "lavfi", "-i", source, "-t", "8")
    if form in {Form.AAC, Form.MP3} and max_bytes == 12_000:
        with pytest.raises(CannotFit) as caught:
            fit(tmp_path, content, Budget(max_bytes, 1920), Choice(form))
        assert caught.value.facts["instead"] == ["cut", "amr"]
        return
    fitted = fit(tmp_path, content, Budget(max_bytes, 1920), Choice(form))
    assert fitted.bytes <= max_bytes
    assert fitted.quality.encodes <= 2


def test_the_form_is_amr_only_for_telephone_sound_or_few_bits() -> None:
    assert plan_audio(facts_of(30), UNIVERSAL, Choice()).form is Form.AAC
    assert plan_audio(facts_of(30, hertz=8_000, channels=1), UNIVERSAL, Choice()).form is Form.AMR
    assert plan_audio(facts_of(200), UNIVERSAL, Choice()).form is Form.AMR
    without_amr = Budget(UNIVERSAL.max_bytes, 1920, ("audio/mp4", "audio/mpeg"))
    with pytest.raises(CannotFit) as caught:
        plan_audio(facts_of(200), without_amr, Choice())
    assert caught.value.facts["instead"] == ["cut"]
    assert plan_audio(facts_of(200), without_amr, Choice(seconds=caught.value.facts["fits_seconds"])).bits >= 16_000


@pytest.mark.parametrize("form", [Form.AAC, Form.AMR, Form.MP3])
def test_more_seconds_never_get_more_bits_and_what_is_said_to_fit_does(form: Form) -> None:
    bits = [plan_audio(facts_of(seconds), UNIVERSAL, Choice(form)).bits for seconds in (5, 20, 60, 100)]
    assert bits == sorted(bits, reverse=True)
    with pytest.raises(CannotFit) as caught:
        plan_audio(facts_of(600), UNIVERSAL, Choice(form))
    cut = Choice(form, **caught.value.facts["cut"])
    piece = plan_audio(facts_of(600), UNIVERSAL, cut)
    assert piece.seconds == caught.value.facts["fits_seconds"]
    told = {"seconds": piece.seconds, "as": form.value, "sound_bits_a_second": piece.bits}
    assert caught.value.facts["plans"] == [told]
    assert f"cut it to {piece.seconds} seconds ({piece.bits / 1000:.3g} kb/s)" in caught.value.detail


def test_tags_and_cover_go_and_the_sound_stays_as_it_is(tmp_path: Path) -> None:
    cover = (
        "-f",
        "lavfi",
        "-i",
        "color=red:s=64x64:d=0.04",
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:v",
        "png",
        "-disposition:v",
        "attached_pic",
    )
    tagged = noise("t.mp3", *cover, "-metadata", "title=Secret song", "-metadata", "artist=Somebody", seconds=4)
    fitted = fit(tmp_path, tagged)
    made = fitted.path.read_bytes()
    assert fitted.given_up == ("metadata removed",)
    assert fitted.quality.encodes == 0
    assert not fitted.untouched
    for secret in (b"Secret", b"Somebody", b"PNG", b"APIC"):
        assert secret not in made
    assert fit(tmp_path, made).untouched
    tagged = noise("t.m4a", "-metadata", "title=Secret song", "-movflags", "+faststart", seconds=4)
    fitted = fit(tmp_path, tagged)
    assert b"Secret" not in fitted.path.read_bytes()
    assert fitted.quality.encodes == 0


def test_what_only_looks_like_a_handset_format_is_made_anew(tmp_path: Path) -> None:
    alac = noise("n.m4a", "-c:a", "alac", "-movflags", "+faststart", seconds=1)
    assert not fit(tmp_path, alac).untouched
    late = noise("n.m4a", seconds=1)
    assert not fit(tmp_path, late).untouched


@pytest.mark.parametrize("name", ["w.wav", "w.mp3", "w.ogg", "w.flac"])
def test_a_cut_begins_where_it_was_asked_to(tmp_path: Path, name: str) -> None:
    # Three seconds of silence, then a tone: the cut begins a quarter of a second before it.
    source = "anullsrc=r=44100:d=3[a];sine=f=800:r=44100:d=3[b];[a][b]concat=v=0:a=1"
    content = clips.make(name, "-f", "lavfi", "-i", source)
    fitted = fit(tmp_path, content, choice=Choice(Form.AAC, start=2.75, seconds=2))
    (tmp_path / "made.m4a").write_bytes(fitted.path.read_bytes())
    heard = clips.make("h.wav", "-i", str(tmp_path / "made.m4a"), "-ac", "1", "-ar", "8000")
    (tmp_path / "h.wav").write_bytes(heard)
    with wave.open(str(tmp_path / "h.wav")) as file:
        samples = [int.from_bytes(file.readframes(1), "little", signed=True) for _ in range(file.getnframes())]
    begins = next(at for at, value in enumerate(samples) if abs(value) > 1_000) / 8_000
    assert math.isclose(begins, 0.25, abs_tol=0.06)
    assert len(samples) / 8_000 == pytest.approx(2, abs=0.1)


def test_a_cut_behind_the_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fit(tmp_path, clips.sound("s.wav"), choice=Choice(start=5.5))
    assert caught.value.facts["seconds"] == pytest.approx(5, abs=0.1)


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    content = noise("n.wav", "-bitexact", seconds=3)
    for form in (Form.AAC, Form.AMR, Form.MP3):
        assert len({fit(tmp_path, content, Budget(9_000, 1920), Choice(form)).sha256 for _ in range(2)}) == 1


@pytest.mark.parametrize("form", [Form.AAC, Form.AMR, Form.MP3])
def test_one_bad_frame_of_many_is_left_out_and_said(tmp_path: Path, form: Form) -> None:
    content = bytearray(noise("n.mp3", seconds=6))
    begin = (mpeg_frames(bytes(content)) or [])[60][0]
    content[begin : begin + 4] = bytes(4)
    fitted = fit(tmp_path, bytes(content), Budget(20_000, 1920), Choice(form, seconds=4))
    assert "damaged pieces of the sound left out" in fitted.given_up
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("form", [Form.AAC, Form.AMR, Form.MP3])
def test_many_channels_in_no_known_layout_are_mixed(tmp_path: Path, form: Form) -> None:
    # The tone is in the last of nine channels.
    with wave.open(str(tmp_path / "nine.wav"), "wb") as file:
        file.setparams((9, 2, 8_000, 0, "NONE", ""))
        tone = (round(8_000 * math.sin(at / 3)) for at in range(16_000))
        file.writeframes(b"".join(bytes(16) + value.to_bytes(2, "little", signed=True) for value in tone))
    fitted = fit(tmp_path, (tmp_path / "nine.wav").read_bytes(), choice=Choice(form))
    (tmp_path / "made").write_bytes(fitted.path.read_bytes())
    heard = clips.make("h.raw", "-i", str(tmp_path / "made"), "-ac", "1", "-ar", "8000", "-f", "s16le")
    assert max(int.from_bytes(heard[at : at + 2], "little", signed=True) for at in range(0, len(heard), 2)) > 500
