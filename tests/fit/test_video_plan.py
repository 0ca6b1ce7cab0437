"""Before anything is encoded: sizes and rates that exist, bits that are there, and seconds that really fit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CannotFit
from app.fit.video_plan import VideoPlan, good_seconds, plan_video, source_fps, warn_of_floor
from app.model.media import Budget, Choice, Facts, Form, Kind

_SIDES = st.integers(16, 4096)
_RATES = st.sampled_from([1.0, 10.0, 23.976, 25.0, 29.97, 30.0, 59.94, 120.0])
_FORMS = st.sampled_from([Form.AUTO, Form.MP4, Form.THREE_GP])


def facts_of(width: int = 1280, height: int = 720, seconds: float = 20, fps: float = 30, channels: int = 2) -> Facts:
    return Facts(
        Kind.VIDEO,
        "video/mp4",
        9_000_000,
        width,
        height,
        frames=max(1, round(fps * seconds)),
        seconds=seconds,
        channels=channels,
    )


def plan_or_refusal(facts: Facts, budget: Budget, choice: Choice) -> tuple[VideoPlan | None, dict[str, Any]]:
    try:
        return plan_video(facts, budget, choice), {}
    except CannotFit as refused:
        return None, refused.facts


@given(_SIDES, _SIDES, st.floats(0.2, 600), _RATES, st.integers(0, 6), st.integers(8_000, 1_000_000), _FORMS)
def test_a_plan_keeps_every_limit_or_says_how_long_would_fit(
    width: int, height: int, seconds: float, fps: float, channels: int, max_bytes: int, form: Form
) -> None:
    facts, budget = facts_of(width, height, seconds, fps, channels), Budget(max_bytes, 640)
    plan, refused = plan_or_refusal(facts, budget, Choice(form))
    if plan is None:
        fits = refused["fits_seconds"]
        assert fits < seconds
        assert [told["seconds"] for told in refused["plans"]][-1:] == ([fits] if fits else [])
        for told in refused["plans"]:
            piece = plan_video(facts, budget, Choice(form, seconds=told["seconds"]))
            assert told == {
                "seconds": piece.seconds, "as": piece.form.value, "width": piece.size[0], "height": piece.size[1],
                "fps": pytest.approx(piece.fps, abs=0.01),
                "video_bits_a_second": piece.bits, "sound_bits_a_second": piece.sound.bits,
            }  # fmt: skip
        return
    assert plan.picture[0] <= max(2, width)
    assert plan.picture[1] <= max(2, height)
    assert all(side % 2 == 0 for side in (*plan.size, *plan.picture))
    assert plan.fps <= min(30.0, source_fps(facts)) + 0.001
    spent = (plan.bits / 8 + plan.sound.bytes_a_second) * seconds
    assert spent <= max_bytes
    assert (plan.sound.bits == 0) == (channels == 0)
    if form is Form.THREE_GP:
        assert plan.size in {(128, 96), (176, 144), (352, 288)}
        assert plan.fps <= 15.02
    else:
        assert max(plan.size) <= 640


@given(st.floats(1, 500), st.integers(8_000, 1_000_000))
def test_a_shorter_piece_gets_no_fewer_bits_and_fits_where_the_whole_did(seconds: float, max_bytes: int) -> None:
    facts, budget = facts_of(seconds=seconds), Budget(max_bytes, 1920)
    try:
        whole = plan_video(facts, budget, Choice())
    except CannotFit:
        return
    piece = plan_video(facts, budget, Choice(seconds=seconds / 2)) if seconds > 2 else whole
    assert piece.rung <= whole.rung
    assert piece.seconds <= whole.seconds


def test_after_a_plan_that_failed_comes_one_that_asks_for_less() -> None:
    facts, budget = facts_of(), Budget(290_000, 1920)
    plan = plan_video(facts, budget, Choice())
    for _ in range(20):
        try:
            following = plan_video(facts, budget, Choice(), after=plan)
        except CannotFit:
            return
        assert following.size[0] * following.size[1] * following.fps < plan.size[0] * plan.size[1] * plan.fps
        plan = following
    pytest.fail("the ladder has no end")


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0])
def test_every_nth_picture_is_kept_rather_than_some_that_fall_unevenly(fps: float) -> None:
    for max_bytes in (60_000, 150_000, 290_000, 990_000):
        plan = plan_video(facts_of(fps=fps), Budget(max_bytes, 1920), Choice())
        assert (fps / plan.fps) == pytest.approx(round(fps / plan.fps))


def test_what_would_fit_instead_is_named_and_fits() -> None:
    facts, budget = facts_of(seconds=130), Budget(290_000, 1920)
    with pytest.raises(CannotFit) as caught:
        plan_video(facts, budget, Choice())
    assert caught.value.facts["instead"] == ["cut", "3gp", "first_frame"]
    assert "cut it to 34 seconds (320 x 180 px, 15 fps, 64.1 kb/s) or 100 seconds (" in caught.value.detail
    assert plan_video(facts, budget, Choice(Form.THREE_GP)).seconds == 130
    assert caught.value.facts["best_bytes"] > 290_000
    with pytest.raises(CannotFit) as caught:
        plan_video(facts_of(seconds=600), Budget(100_000, 1920, ("video/3gpp",)), Choice(Form.THREE_GP))
    assert caught.value.facts["instead"] == ["cut"]


@given(st.floats(1, 600), st.integers(20_000, 1_000_000), _SIDES, _RATES)
def test_the_piece_that_looks_good_is_shorter_than_the_longest_and_is_planned_no_worse_than_that(
    seconds: float, max_bytes: int, side: int, fps: float
) -> None:
    facts, budget = facts_of(side, side, seconds, fps), Budget(max_bytes, 1920)
    _, refused = plan_or_refusal(facts, budget, Choice())
    if "good_seconds" in refused:
        good, longest = refused["good_seconds"], refused["fits_seconds"]
        assert 0 < good < longest < seconds
        assert [told["seconds"] for told in refused["plans"]] == [good, longest]
        assert plan_video(facts, budget, Choice(seconds=good)).rung <= 4
        assert warn_of_floor(plan_video(facts, budget, Choice(seconds=good)), facts, budget) == ""


def test_a_clip_at_the_floor_says_how_many_seconds_would_look_much_better() -> None:
    facts, budget = facts_of(seconds=95), Budget(290_000, 1920)
    seconds = good_seconds(facts, budget)
    assert 1 <= seconds < 50
    well = plan_video(facts, budget, Choice(seconds=seconds))
    assert max(well.size) >= 320
    assert well.fps >= 14
    assert warn_of_floor(well, facts, budget) == ""
    assert f"{seconds} seconds play" in warn_of_floor(plan_video(facts, budget, Choice()), facts, budget)
