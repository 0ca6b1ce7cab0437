"""Videos and sound files: whatever comes in, something that handsets play goes out, within the budget."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.confine import DecoderPool
from app.errors import CannotFit, InvalidRequest, MediaDamaged, MediaUnsupported
from app.fit import fit_media
from app.fit.passing import passing_type
from app.limits import budget_of, profile_named
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Kind
from app.probe import probe_media
from tests.media import clips, pictures

UNIVERSAL = budget_of(profile_named("universal"))
Fit = Callable[..., Fitted]


def probe(path: Path, content: bytes) -> Facts:
    file = path / "upload"
    file.write_bytes(content)
    return probe_media(file, max_pixels=200_000_000)


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    out = tmp_path / "out"
    out.mkdir()

    def run(content: bytes, budget: Budget = UNIVERSAL, choice: Choice = WHOLE, *, fast: bool = False) -> Fitted:
        return fit_media(tmp_path / "upload", probe(tmp_path, content), budget, out, choice=choice, fast=fast)

    return run


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("clip.mp4", "video/mp4"),
        ("clip.mov", "video/quicktime"),
        ("clip.webm", "video/webm"),
        ("clip.mkv", "video/x-matroska"),
        ("clip.avi", "video/x-msvideo"),
    ],
)
def test_every_container_becomes_an_mp4_that_every_handset_plays(
    fit: Fit, tmp_path: Path, name: str, content_type: str
) -> None:
    content = clips.clip(name)
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.content_type, facts.width, facts.height) == (Kind.VIDEO, content_type, 640, 360)
    assert facts.seconds == pytest.approx(4, abs=0.1)
    fitted = fit(content)
    made = fitted.path.read_bytes()
    assert fitted.content_type == "video/mp4"
    assert 0.9 * UNIVERSAL.max_bytes <= fitted.bytes <= UNIVERSAL.max_bytes
    assert passing_type(made) == "video/mp4"
    assert fitted.quality.ssim is not None
    again = probe(tmp_path, made)
    assert (again.width, again.height) == (fitted.width, fitted.height)
    assert again.seconds == pytest.approx(4, abs=0.2)
    assert not again.has_location
    assert fit(made).untouched


def test_a_turned_phone_clip_comes_out_upright_and_without_its_place(fit: Fit, tmp_path: Path) -> None:
    content = clips.clip("clip.mp4", rotated=True)
    facts = probe(tmp_path, content)
    assert (facts.width, facts.height) == (360, 640)
    assert facts.has_location
    fitted = fit(content)
    assert fitted.width < fitted.height
    assert clips.PLACE.encode() not in fitted.path.read_bytes()
    assert any("location" in said for said in fitted.given_up)


def test_a_clip_without_sound_is_fitted_too(fit: Fit) -> None:
    fitted = fit(clips.clip("clip.mp4", sound=False))
    assert fitted.bytes <= UNIVERSAL.max_bytes
    assert b"mp4a" not in fitted.path.read_bytes()


def test_a_clip_too_long_for_its_floor_says_how_long_it_may_be(fit: Fit) -> None:
    with pytest.raises(CannotFit) as caught:
        fit(clips.clip("clip.mp4", 4), Budget(6_000, 1920))
    assert 0 < caught.value.facts["fits_seconds"] < 4
    assert caught.value.facts["instead"] == ["cut", "first_frame"]
    assert caught.value.facts["cut"] == {"start": 0.0, "seconds": caught.value.facts["fits_seconds"]}


def test_a_cut_of_a_clip_is_as_long_as_was_asked(fit: Fit, tmp_path: Path) -> None:
    fitted = fit(clips.clip("clip.mp4"), choice=Choice(start=1.3, seconds=1.5))
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(1.5, abs=0.07)
    assert not fitted.untouched
    assert "cut to 1.5 seconds from 1.3" in fitted.given_up


def test_a_cut_of_a_sound_file_is_as_long_as_was_asked(fit: Fit, tmp_path: Path) -> None:
    fitted = fit(clips.sound("s.mp3"), choice=Choice(start=2))
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(3, abs=0.1)
    assert any(said.startswith("cut to 3.") and said.endswith("seconds from 2") for said in fitted.given_up)


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        (Choice(start=-1), "start"),
        (Choice(start=4), "start"),
        (Choice(start=float("nan")), "start"),
        (Choice(seconds=-0.5), "seconds"),
        (Choice(seconds=0.01), "seconds"),
        (Choice(seconds=float("inf")), "seconds"),
        (Choice(start=2, seconds=3), "seconds"),
        (Choice(form=Form.AMR), "form"),
    ],
)
def test_a_choice_that_is_none_for_this_clip_is_refused_by_field(fit: Fit, choice: Choice, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fit(clips.clip("clip.mp4"), choice=choice)
    assert [error["field"] for error in caught.value.facts["errors"]] == [field]


def test_a_picture_is_not_cut(fit: Fit) -> None:
    with pytest.raises(InvalidRequest, match="still"):
        fit(pictures.save(pictures.photograph(40, 30), "JPEG"), choice=Choice(start=1))


def test_a_3gp_of_an_old_phone_is_taken_and_becomes_an_mp4_on_request(fit: Fit, tmp_path: Path) -> None:
    old = ("-c:v", "h263", "-s", "176x144", "-r", "15", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")
    content = clips.coded("old.3gp", *old, "-b:a", "12200")
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.content_type, facts.hertz) == (Kind.VIDEO, "video/3gpp", 8_000)
    for choice in (Choice(Form.MP4), Choice(seconds=1.5)):
        made = fit(content, choice=choice)
        assert passing_type(made.path.read_bytes()) == made.content_type == "video/mp4"
        assert max(made.width, made.height) <= 176


def test_the_same_clip_gives_the_same_bytes(fit: Fit) -> None:
    content = clips.clip("clip.mp4", 2)
    budget = Budget(60_000, 1920)
    assert fit(content, budget).sha256 == fit(content, budget).sha256


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_a_truncated_clip_is_refused(tmp_path: Path, name: str) -> None:
    content = clips.clip(name)
    with pytest.raises(MediaDamaged):
        probe(tmp_path, content[: len(content) * 2 // 3])


def test_a_playlist_named_mp4_reads_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clips.clip("clip.mp4", 2))
    with pytest.raises(MediaUnsupported, match="playlist"):
        probe(tmp_path, b"#EXTM3U\n#EXTINF:2,\n" + str(secret).encode() + b"\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaUnsupported):
        probe(tmp_path, b"ffconcat version 1.0\nfile " + str(secret).encode() + b"\n")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("s.wav", "audio/wav"), ("s.mp3", "audio/mpeg"), ("s.m4a", "audio/mp4"), ("s.ogg", "audio/ogg"), ("s.flac", "audio/flac"),
     ("s.amr", "audio/amr")],
)  # fmt: skip
def test_every_sound_file_becomes_one_that_handsets_play(
    fit: Fit, tmp_path: Path, name: str, content_type: str
) -> None:
    content = clips.sound(name)
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.content_type) == (Kind.AUDIO, content_type)
    fitted = fit(content)
    assert fitted.bytes <= UNIVERSAL.max_bytes
    assert fitted.content_type in {"audio/mp4", "audio/mpeg", "audio/amr"}
    assert fit(fitted.path.read_bytes()).untouched


def test_a_long_sound_file_is_pressed_into_the_budget_or_refused(fit: Fit) -> None:
    content = clips.sound("s.wav", 60)
    fitted = fit(content)
    assert fitted.bytes <= UNIVERSAL.max_bytes
    with pytest.raises(CannotFit) as caught:
        fit(content, Budget(30_000, 1920))
    assert 0 < caught.value.facts["fits_seconds"] < 60


def test_a_video_where_only_pictures_may_go_is_refused(fit: Fit) -> None:
    with pytest.raises(MediaUnsupported):
        fit(clips.clip("clip.mp4", 2), Budget(100_000, 1920, ("image/jpeg",)))


def test_a_still_named_mp4_is_a_still(tmp_path: Path) -> None:
    assert probe(tmp_path, pictures.save(pictures.photograph(40, 30), "JPEG")).kind is Kind.STILL


def test_a_clip_goes_through_the_confined_pool_with_its_usual_limits(tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(clips.clip("clip.mp4"))
    pool = DecoderPool(1, seconds=60, memory_bytes=2_000_000_000, preload=["app.probe", "app.fit"])
    try:
        facts = pool.run(probe_media, file, max_pixels=200_000_000)
        fitted = pool.run(fit_media, file, facts, UNIVERSAL, tmp_path)
    finally:
        pool.close()
    assert fitted.content_type == "video/mp4"
