"""What the fast setting spends on a video: never more pixels than the plan's, a single pass only where it looks even."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CannotFit
from app.fit.video_effort import Effort, choose_effort
from app.fit.video_plan import plan_video
from app.model.media import WHOLE, Budget, Choice, Facts, Form, Kind
from tests.media import clips
from tests.media.fitting import fit


def video(length: int, size: tuple[int, int] = (1280, 720), seconds: float = 20.0, fps: float = 25.0) -> Facts:
    return Facts(Kind.VIDEO, "video/mp4", length, *size, frames=round(seconds * fps), seconds=seconds, channels=1)


def losses(source: bytes, made: bytes, second: int) -> float:
    """Tell how far a picture in the middle of a second is from the source's, in levels, on the average."""
    size, at = (320, 180), second + 0.5
    one, other = (np.frombuffer(clips.frame_of(each, at, size), np.uint8).astype(int) for each in (source, made))
    return float(np.abs(one - other).mean())


def test_what_is_dear_to_decode_is_encoded_well_and_what_is_cheap_is_encoded_cheaply() -> None:
    budget = Budget(290_000, 1920)
    efforts = [
        choose_effort(plan_video(facts, budget, WHOLE), facts, fast=True)[1]
        for facts in (video(40_000_000), video(4_000_000), video(1_000_000, (640, 272)))
    ]
    assert efforts == [Effort.FINE, Effort.FAIR, Effort.LEAST]


def test_a_3gp_keeps_a_size_that_h263_has() -> None:
    facts = video(300_000, (352, 288))
    plan = plan_video(facts, Budget(290_000, 1920), Choice(Form.THREE_GP))
    assert choose_effort(plan, facts, fast=True)[0] == plan


@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    length=st.integers(1_000, 10**9),
    seconds=st.floats(0.5, 60),
    max_bytes=st.integers(40_000, 1_000_000),
    fast=st.booleans(),
)
def test_pictures_get_smaller_only_down_to_320_pixels_and_keep_shape_and_rate(
    width: int, height: int, length: int, seconds: float, max_bytes: int, fast: bool
) -> None:
    facts = video(length, (width, height), seconds)
    try:
        planned = plan_video(facts, Budget(max_bytes, 1920), WHOLE)
    except CannotFit:
        return
    plan, effort = choose_effort(planned, facts, fast=fast)
    if not fast:
        assert (plan, effort) == (planned, Effort.BEST)
    assert (plan.fps, plan.bits + plan.sound.bits) == (planned.fps, planned.bits + planned.sound.bits)
    assert planned.sound.bits <= plan.sound.bits <= 1.4 * planned.sound.bits
    assert plan.picture == plan.size
    assert all(side % 2 == 0 and 2 <= side <= most for side, most in zip(plan.size, planned.size, strict=True))
    assert max(plan.size) >= min(320, max(planned.size))
    if max(plan.size) < max(planned.size):
        assert plan.bits <= 0.14 * plan.size[0] * plan.size[1] * plan.fps or max(plan.size) == 320
        assert plan.size[0] / plan.size[1] == pytest.approx(planned.size[0] / planned.size[1], rel=0.1) or (
            min(plan.size) < 20
        )


@pytest.mark.parametrize("noisy", ["lt(t,1)", "gt(t,3)", "1"])
def test_a_cheap_clip_takes_one_pass_and_no_second_of_it_is_left_without_bits(tmp_path: Path, noisy: str) -> None:
    budget, source = (
        Budget(150_000, 1920),
        f"testsrc2=s=640x360:r=30:d={{seconds}},noise=alls=12:allf=t:enable='{noisy}'",
    )
    content = clips.coded("cheap.mp4", "-c:v", "libx264", "-crf", "28", source=source, seconds=4, tone=False)
    fast, best = (fit(tmp_path, content, budget, fast=each) for each in (True, False))
    assert fast.quality.encodes <= 2
    assert 0.96 * budget.max_bytes <= fast.bytes <= budget.max_bytes
    for second in range(4):
        assert (
            losses(content, fast.path.read_bytes(), second) < 2.5 * losses(content, best.path.read_bytes(), second) + 2
        )
