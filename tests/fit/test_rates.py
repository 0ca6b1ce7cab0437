"""The rate of a video is that of its moving pictures, whatever stands still, is hidden, begins late or sounds on; at any rate."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import CannotFit, InvalidRequest, MediaDamaged
from app.fit.reduce import Reduced
from app.fit.two_pass import encode_second_pass
from app.fit.video_effort import Effort
from app.fit.video_plan import plan_video, source_fps
from app.model.media import Budget, Choice, Facts, Form, Kind
from tests.media import clips
from tests.media.fitting import fit, probe

_MOVING = "testsrc2=s=160x90:r=30:d={seconds}"
_QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def copied(
    folder: Path, content: bytes, *options: str, before: tuple[str, ...] = (), name: str = "copied.mp4"
) -> bytes:
    """Copy a clip without encoding it anew, with ffmpeg's options before and behind the input."""
    (folder / "source").write_bytes(content)
    return clips.make(name, *before, "-i", str(folder / "source"), *options, "-c", "copy")


def with_more_sound(_: Path) -> bytes:
    return clips.make(
        "more.mp4", "-f", "lavfi", "-i", _MOVING.format(seconds=2), "-f", "lavfi", "-i", "sine=d=10", *_QUICK
    )


def beginning_late(folder: Path) -> bytes:
    content = clips.coded("even.mp4", *_QUICK, source=_MOVING)
    late = ("-itsoffset", "3", "-i", str(folder / "source"))
    return copied(folder, content, "-map", "1:v", "-map", "0:a", before=late, name="late.mp4")


def trimmed(folder: Path) -> bytes:
    content = clips.coded("long.mp4", *_QUICK, "-g", "300", seconds=8, source=_MOVING)
    return copied(folder, content, before=("-ss", "6"))


def standing_still(_: Path) -> bytes:
    return clips.make(
        "still.mp4", "-f", "lavfi", "-i", _MOVING.format(seconds=2), "-f", "lavfi", "-i", "sine=d=10",
        "-vf", "setpts='if(eq(N,59),9.9/TB,PTS)'", "-fps_mode", "vfr", *_QUICK,
    )  # fmt: skip


@pytest.mark.parametrize("made", [with_more_sound, beginning_late, trimmed, standing_still])
@pytest.mark.parametrize("fast", [False, True])
def test_no_picture_is_lost_to_what_is_beside_the_pictures(
    tmp_path: Path, made: Callable[[Path], bytes], fast: bool
) -> None:
    content = made(tmp_path)
    facts = probe(tmp_path, content)
    assert facts.frames == 60
    assert source_fps(facts) == pytest.approx(30, abs=0.01)
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4), fast=fast)
    assert fitted.quality.frames_in == fitted.quality.frames_out == 60
    assert not any("frames a second" in said or "pictures left out" in said for said in fitted.given_up)
    assert "30 fps" in clips.described(fitted.path.read_bytes())


def test_an_avi_that_tells_no_time_of_display_is_read_by_that_of_decoding(tmp_path: Path) -> None:
    content = clips.coded("b.avi", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", source=_MOVING, tone=False)
    facts = probe(tmp_path, content)
    assert (facts.frames, source_fps(facts)) == (60, 30)
    assert facts.seconds == pytest.approx(2, abs=0.1)
    assert fit(tmp_path, content, choice=Choice(Form.MP4)).quality.frames_out == 60


def test_coarse_clocks_tell_the_rate_of_television(tmp_path: Path) -> None:
    source = "testsrc2=s=160x90:r=30000/1001:d={seconds}"
    facts = probe(tmp_path, clips.coded("coarse.mkv", *_QUICK, seconds=4, source=source))
    assert source_fps(facts) == pytest.approx(30000 / 1001, abs=0.001)


def test_facts_from_before_the_rate_was_told_fall_back_to_the_mean() -> None:
    facts = Facts(Kind.VIDEO, "video/mp4", 9_000, 640, 360, frames=120, seconds=10.0)
    assert source_fps(facts) == 12


def test_pictures_that_stand_still_leave_their_bits_to_those_that_move() -> None:
    budget = Budget(60_000, 1920)
    even = Facts(Kind.VIDEO, "video/mp4", 9_000_000, 640, 360, frames=300, seconds=10.0, channels=0, fps=30.0)
    still = Facts(Kind.VIDEO, "video/mp4", 9_000_000, 640, 360, frames=60, seconds=10.0, channels=0, fps=30.0)
    assert plan_video(still, budget, Choice()).rung < plan_video(even, budget, Choice()).rung


def test_pictures_that_come_faster_than_most_are_said_to_be_left_out(tmp_path: Path) -> None:
    picked = "select='lt(n,20)+gte(n,20)*not(mod(n,6))'"
    content = clips.make(
        "burst.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=60:d=4", "-vf", picked, "-fps_mode", "vfr", *_QUICK
    )
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4))
    lost = fitted.quality.frames_in - fitted.quality.frames_out
    assert lost > 10
    assert any(said.startswith(f"{lost} of 56 pictures left out") for said in fitted.given_up)


@pytest.mark.parametrize(("pictures", "rate"), [(10, "10/3"), (7, "23333/10000"), (3, "1/10"), (2, "1/30")])
@pytest.mark.parametrize("fast", [False, True])
def test_slow_pictures_are_encoded_at_any_rate(tmp_path: Path, pictures: int, rate: str, fast: bool) -> None:
    content = clips.coded(
        "slow.mp4", *_QUICK, "-frames:v", str(pictures), source=f"testsrc2=s=64x48:r={rate}", tone=False
    )
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4), fast=fast)
    assert fitted.quality.frames_out == pictures
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(fitted.quality.seconds, abs=0.1)


def refusal_after_all(facts: Facts, choice: Choice) -> CannotFit:
    """Take one plan after the other, as when each came out too long."""
    plan = None
    while True:
        try:
            plan = plan_video(facts, Budget(286_000, 1920), choice, after=plan)
        except CannotFit as refused:
            return refused


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 60.0])
def test_what_never_came_out_short_enough_is_not_said_to_fit_when_it_is_longer(form: Form, seconds: float) -> None:
    facts = Facts(Kind.VIDEO, "video/mp4", 9_000, 64, 48, frames=2, seconds=seconds, channels=0, fps=2 / seconds)
    assert refusal_after_all(facts, Choice(form)).facts["fits_seconds"] < seconds


def test_an_encoder_that_fails_is_not_taken_for_one_that_needs_more_bytes(tmp_path: Path) -> None:
    facts = Facts(Kind.VIDEO, "video/mp4", 9_000, 64, 48, frames=30, seconds=1.0, channels=0, fps=30.0)
    plan = plan_video(facts, Budget(60_000, 1920), Choice())
    (tmp_path / "pictures.yuv").write_bytes(bytes(64 * 48 * 3 // 2 * 30))
    reduced = Reduced(tmp_path / "pictures.yuv", None, plan.size, plan.fps)
    with pytest.raises(MediaDamaged):  # there was no first pass
        encode_second_pass(reduced, plan, Budget(60_000, 1920), Effort.QUICK, part=lambda _: lambda _: None)


def slides(_: Path) -> bytes:
    return clips.coded("slides.mp4", *_QUICK, seconds=40, source="testsrc2=s=160x90:r=1/10:d={seconds},hue=h=90*n")


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP])
@pytest.mark.parametrize("start", [0.0, 12.0, 18.0])
def test_a_cut_through_long_pictures_shows_them_for_as_long_as_was_asked(
    tmp_path: Path, start: float, form: Form, fast: bool
) -> None:
    content = slides(tmp_path)
    fitted = fit(tmp_path, content, choice=Choice(form, start, 3), fast=fast)
    made = fitted.path.read_bytes()
    assert probe(tmp_path, made).seconds == pytest.approx(3, abs=0.1)
    assert fitted.quality.seconds == pytest.approx(3, abs=0.1)
    if form is Form.MP4:
        for at in (0.2, 2.8):
            shown, meant = (
                clips.frame_of(each, when, (16, 9))
                for each, when in ((made, at), (content, 10 * int((start + at) / 10)))
            )
            assert max(abs(one - other) for one, other in zip(shown, meant, strict=True)) < 40


def test_the_picture_of_a_cut_is_the_one_that_is_shown_then(tmp_path: Path) -> None:
    fitted = fit(tmp_path, slides(tmp_path), choice=Choice(Form.FIRST_FRAME, start=12, seconds=3))
    assert fitted.given_up[0] == "one picture instead of the video: the first, at 12.00 seconds"


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP, Form.FIRST_FRAME])
@pytest.mark.parametrize("fast", [False, True])
def test_a_piece_without_pictures_is_not_called_damaged(tmp_path: Path, form: Form, fast: bool) -> None:
    with pytest.raises(InvalidRequest, match="no pictures from 5 to 10 seconds, only sound"):
        fit(tmp_path, with_more_sound(tmp_path), choice=Choice(form, start=5), fast=fast)


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP])
@pytest.mark.parametrize("name", ["one.mkv", "one.webm", "one.mp4"])
@pytest.mark.parametrize("fast", [False, True])
def test_a_single_picture_is_a_video_of_one(tmp_path: Path, name: str, form: Form, fast: bool) -> None:
    codec = ("-c:v", "libvpx") if name.endswith("webm") else _QUICK
    content = clips.coded(name, *codec, "-frames:v", "1", seconds=1, source=_MOVING, tone=False)
    assert fit(tmp_path, content, choice=Choice(form), fast=fast).quality.frames_out == 1


@pytest.mark.parametrize("fast", [False, True])
def test_the_bits_that_are_told_are_those_that_were_reached(tmp_path: Path, fast: bool) -> None:
    content = clips.make(
        "still.mp4", "-f", "lavfi", "-i", _MOVING.format(seconds=1), "-f", "lavfi", "-i", "sine=d=8", "-vf", "select=eq(n\\,0)",
        *_QUICK,
    )  # fmt: skip
    fitted = fit(tmp_path, content, choice=Choice(Form.MP4), fast=fast)
    told = next(said for said in fitted.given_up if said.startswith("pictures compressed to"))
    assert int(told.split()[3]) * 1_000 * 8 / 8 <= fitted.bytes
