"""Before anything is encoded: which size, rate and bits a video gets, and how many seconds of it would fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from app.errors import CannotFit
from app.fit.choice import cut_of
from app.fit.passing import MP4_TYPE, THREE_GP_TYPE
from app.limits import floor_named
from app.model.media import Budget, Choice, Facts, Form

AIM = 0.975  # of the budget; two passes of x264 over real footage come within 1 or 2 % of what they are asked for
_BYTES_OF_BOXES = 1_500
_BYTES_A_FRAME_IN_BOXES = 8
_COMMON_RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
_LEAST_FPS_OF_CUT = 5.0
_LEAST_MOST_BITS = 50_000  # however small the pictures are: headers need some, too
_PIXEL_OF_H263 = 12 / 11  # width by height, in all the sizes that H.263 knows


@dataclass(frozen=True, slots=True)
class Sound:
    """How the sound is made: bits a second, samples a second, channels; ``boxes`` are bytes of index a second.

    ``coder`` is how ffmpeg's AAC searches for its quantisers.
    """

    bits: int
    hertz: int
    channels: int
    boxes: float
    coder: str = "twoloop"

    @property
    def bytes_a_second(self) -> float:
        """What a second of it takes in the file."""
        return self.bits / 8 + self.boxes


SILENT = Sound(0, 0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: the longer side (of the frame, for 3GP), most frames a second, least and most bits a pixel."""

    side: int
    fps: float
    least: float
    most: float


# In order of preference; the last is the floor. Rule: docs/limits.md#floors.
_MP4_RUNGS = (
    *(Rung(side, fps, 0.045, 0.3) for side, fps in ((640, 30), (640, 15), (480, 15), (400, 15), (320, 15), (320, 12))),
    *(Rung(side, fps, 0.045, 0.3) for side, fps in ((240, 12), (240, 10))),
    Rung(int(floor_named("video_side").value), floor_named("video_fps").value, floor_named("video_bits").value, 0.3),
)
_GOOD_SIDE, _GOOD_FPS = (floor_named(f"video_good_{name}").value for name in ("side", "fps"))
_GOOD_RUNG = max(at for at, rung in enumerate(_MP4_RUNGS) if rung.side >= _GOOD_SIDE and rung.fps >= _GOOD_FPS)
# H.263 profile 0: CIF at level 30 (384 kb/s) where there are more than the 128 kb/s of level 45, which knows QCIF only.
_3GP_RUNGS = (
    Rung(352, 15, 0.0843, 0.252),
    Rung(176, 15, 0.07, 0.336),
    Rung(176, 10, 0.07, 0.336),
    Rung(128, 10, 0.05, 0.52),
    Rung(
        int(floor_named("video_3gp_side").value),
        floor_named("video_3gp_fps").value,
        floor_named("video_3gp_bits").value,
        0.52,
    ),
)
_FRAMES_OF_H263 = {352: (352, 288), 176: (176, 144), 128: (128, 96)}
# From so many bits a second in all, the sound gets so much of them.
_AAC = (
    (600_000, Sound(64_000, 44_100, 2, 190.0)),
    (300_000, Sound(48_000, 44_100, 1, 190.0)),
    (160_000, Sound(32_000, 32_000, 1, 140.0)),
    (60_000, Sound(24_000, 32_000, 1, 140.0)),
    (0, Sound(16_000, 16_000, 1, 75.0)),
)
# Modes of AMR-NB; each frame of 20 ms is rounded up to bytes, with one more before it, and has its place in the index.
_AMR = (
    (60_000, Sound(12_200, 8_000, 1, 295.0)),
    (30_000, Sound(7_950, 8_000, 1, 276.0)),
    (0, Sound(4_750, 8_000, 1, 276.0)),
)


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What a video will be.

    ``size`` is the frame in pixels and ``picture`` the part of it that the picture takes (smaller where 3GP needs bars).
    ``bits`` a second are for the pictures, ``most_bits`` those from which on more would not be seen. ``fits_seconds`` is
    how long a piece of this video may be to fit at the floor, whatever that costs.
    """

    form: Form
    content_type: str
    size: tuple[int, int]
    picture: tuple[int, int]
    fps: float
    bits: int
    sound: Sound
    seconds: float
    fits_seconds: int
    most_bits: int
    rung: int

    @property
    def has_all_it_needs(self) -> bool:
        """Tell whether more bytes would change nothing that can be seen."""
        return self.bits >= self.most_bits


def plan_video(facts: Facts, budget: Budget, choice: Choice, *, after: VideoPlan | None = None) -> VideoPlan:
    """Choose size, frame rate and bits for what the budget leaves; nothing is read or encoded.

    Args:
        facts: the whole video's.
        budget: inclusive limits.
        choice: MP4 (also for AUTO) or 3GP, and the cut.
        after: a plan that failed; only what asks for less is considered.

    InvalidRequest when the cut is not inside the video. CannotFit when even the floor needs more: ``fits_seconds``,
    ``good_seconds``, ``plans``, ``cut`` and ``instead`` say what is possible.
    """
    cut = cut_of(facts, choice)
    form = Form.THREE_GP if choice.form is Form.THREE_GP else Form.MP4
    fits_seconds = _fits_seconds(facts, budget, form)
    chosen = _choose_rung(facts, budget, cut.seconds, form, after)
    if chosen is None:
        if fits_seconds >= cut.seconds:  # all that was planned came out too long: it is harder than footage ever is
            fits_seconds = int(cut.seconds / 2)
        _refuse(facts, budget, choice, cut.seconds, fits_seconds)
    return replace(chosen, fits_seconds=fits_seconds)


def _choose_rung(
    facts: Facts, budget: Budget, seconds: float, form: Form, after: VideoPlan | None = None
) -> VideoPlan | None:
    """Take the first rung, behind that of ``after``, whose bits are there; None when not even the floor's are."""
    rungs = _3GP_RUNGS if form is Form.THREE_GP else _MP4_RUNGS
    first = after.rung + 1 if after else 0
    plans = [_plan_rung(facts, budget, seconds, form, number) for number in range(first, len(rungs))]
    return next(
        (
            plan
            for plan, rung in zip(plans, rungs[first:], strict=True)
            if plan.bits >= _least_bits(facts, plan, rung) - 1
            and not _is_too_wide(plan, plans)
            and not _is_same(plan, after)
        ),
        None,
    )


def _is_too_wide(plan: VideoPlan, plans: Sequence[VideoPlan]) -> bool:
    """Tell whether a smaller frame holds the same picture, with less black around it."""
    return any(other.picture == plan.picture and other.size < plan.size for other in plans)


def _is_same(plan: VideoPlan, other: VideoPlan | None) -> bool:
    """Tell whether two rungs come to the same for this video."""
    return other is not None and (plan.size, plan.fps) == (other.size, other.fps)


def _least_bits(facts: Facts, plan: VideoPlan, rung: Rung) -> float:
    """Tell what a rung asks for: a picture that stands still is coded again and again for next to nothing."""
    mean = facts.frames / facts.seconds if facts.fps else source_fps(facts)
    return rung.least * plan.size[0] * plan.size[1] * min(plan.fps, mean)


def source_fps(facts: Facts) -> float:
    """Tell the rate of a video, as the common one that it is meant to be when it is near; the mean where no other is known."""
    if not facts.seconds or facts.frames < 2:
        return 15.0
    told = facts.fps or facts.frames / facts.seconds
    nearest = min(_COMMON_RATES, key=lambda rate: abs(rate - told))
    return nearest if abs(nearest - told) < 0.015 * told else told


def _kept_fps(facts: Facts, most: float, *, is_cut: bool) -> float:
    """Keep every n-th picture rather than some that fall unevenly: 25 become 12.5, not 15.

    Of a cut, pictures of many seconds are repeated: it ends in the midst of one.
    """
    fps = source_fps(facts)
    times = math.ceil(_LEAST_FPS_OF_CUT / fps - 0.001) if is_cut and fps < _LEAST_FPS_OF_CUT else 1
    return fps * times / max(1, math.ceil(fps * times / most - 0.001))


def _plan_rung(facts: Facts, budget: Budget, seconds: float, form: Form, number: int) -> VideoPlan:
    rung = (_3GP_RUNGS if form is Form.THREE_GP else _MP4_RUNGS)[number]
    fps = _kept_fps(facts, rung.fps, is_cut=seconds < facts.seconds)
    size, picture = _sizes(facts, budget, rung, form)
    room = budget.max_bytes * AIM - _BYTES_OF_BOXES - _BYTES_A_FRAME_IN_BOXES * fps * seconds
    sound = _choose_sound(facts, form, room * 8 / seconds)
    bits = int(room * 8 / seconds - sound.bytes_a_second * 8)
    most = max(_LEAST_MOST_BITS, int(rung.most * size[0] * size[1] * fps))
    return VideoPlan(
        form=form,
        content_type=THREE_GP_TYPE if form is Form.THREE_GP else MP4_TYPE,
        size=size,
        picture=picture,
        fps=fps,
        bits=min(bits, most),
        sound=sound,
        seconds=seconds,
        fits_seconds=0,
        most_bits=most,
        rung=number,
    )


def _choose_sound(facts: Facts, form: Form, bits: float) -> Sound:
    """Give the sound its share; no more channels or samples than it has."""
    if not facts.channels:
        return SILENT
    ladder: Sequence[tuple[int, Sound]] = _AMR if form is Form.THREE_GP else _AAC
    sound = next((each for least, each in ladder if bits >= least), ladder[-1][1])
    return replace(sound, channels=min(sound.channels, facts.channels))


def _sizes(facts: Facts, budget: Budget, rung: Rung, form: Form) -> tuple[tuple[int, int], tuple[int, int]]:
    """Work out the frame, and the part of it that the picture takes; never enlarged."""
    if form is Form.MP4:
        factor = min(1.0, min(rung.side, budget.side_pixels) / max(facts.width, facts.height))
        size = _even(facts.width * factor), _even(facts.height * factor)
        return size, size
    frame = _FRAMES_OF_H263[rung.side]
    # The frame in square pixels is wider than it counts; the picture is scaled into that, then squeezed with it.
    factor = min(1.0, frame[0] * _PIXEL_OF_H263 / facts.width, frame[1] / facts.height)
    return frame, (_even(facts.width * factor / _PIXEL_OF_H263), _even(facts.height * factor))


def _even(side: float) -> int:
    return max(2, round(side) // 2 * 2)


def _floor_bytes(facts: Facts, budget: Budget, form: Form) -> float:
    """Tell how many bytes a second takes at the floor, with its sound."""
    rungs = _3GP_RUNGS if form is Form.THREE_GP else _MP4_RUNGS
    floor = _plan_rung(facts, budget, max(1.0, facts.seconds), form, len(rungs) - 1)
    least_bits = _least_bits(facts, floor, rungs[-1])
    sound = _choose_sound(facts, form, 0)
    fps = _kept_fps(facts, rungs[-1].fps, is_cut=True)
    return least_bits / 8 + sound.bytes_a_second + _BYTES_A_FRAME_IN_BOXES * fps


def _fits_seconds(facts: Facts, budget: Budget, form: Form) -> int:
    """Tell how many whole seconds fit at the floor."""
    return max(0, int((budget.max_bytes * AIM - _BYTES_OF_BOXES) / _floor_bytes(facts, budget, form)))


def good_seconds(facts: Facts, budget: Budget) -> int:
    """Tell how many whole seconds play as MP4 of a good side and rate, with the bits that these take."""
    low, high = 0, max(1, int(facts.seconds) + 1)
    while high - low > 1:
        middle = (low + high) // 2
        plan = _plan_rung(facts, budget, middle, Form.MP4, _GOOD_RUNG)
        fits = plan.bits >= _least_bits(facts, plan, _MP4_RUNGS[_GOOD_RUNG])
        low, high = (middle, high) if fits else (low, middle)
    return low


def warn_of_floor(plan: VideoPlan, facts: Facts, budget: Budget) -> str:
    """Say that a shorter cut would look much better, for an MP4 at the smallest size; else nothing."""
    seconds = good_seconds(facts, budget)
    if plan.form is not Form.MP4 or plan.rung < len(_MP4_RUNGS) - 1 or seconds < 1:
        return ""
    return (
        f"so small and slow that a shorter cut would look much better: {seconds} seconds play at {_GOOD_SIDE:g} px "
        f"and {_GOOD_FPS:g} fps"
    )


def _refuse(facts: Facts, budget: Budget, choice: Choice, seconds: float, fits_seconds: int) -> NoReturn:
    """Say what would fit instead: a piece, as long as possible or one that looks good, the other form, one picture.

    Raises:
        CannotFit: always.
    """
    form = Form.THREE_GP if choice.form is Form.THREE_GP else Form.MP4
    good = good_seconds(facts, budget) if form is Form.MP4 else 0
    better: dict[str, Any] = {"good_seconds": good} if 0 < good < fits_seconds else {}
    pieces = [_choose_rung(facts, budget, length, form) for length in (*better.values(), fits_seconds) if length]
    plans = [_plan_to_json(plan) for plan in pieces if plan is not None]
    other = Form.MP4 if form is Form.THREE_GP else Form.THREE_GP
    other_type = MP4_TYPE if other is Form.MP4 else THREE_GP_TYPE
    possible = {
        "cut": (fits_seconds > 0, f"cut it to {' or '.join(map(_plan_in_words, plans))}"),
        other.value: (
            other_type in budget.content_types and _fits_seconds(facts, budget, other) >= seconds,
            "take it as MP4" if other is Form.MP4 else "take it as 3GP, in the quality of old phones",
        ),
        Form.FIRST_FRAME.value: ("image/jpeg" in budget.content_types, "send one picture of it"),
    }
    instead = [way for way, (is_possible, _) in possible.items() if is_possible]
    ways = ", or ".join(possible[way][1] for way in instead) or "nothing of it can be sent here"
    cut: dict[str, Any] = {"cut": {"start": choice.start, "seconds": fits_seconds}} if fits_seconds else {}
    raise CannotFit(
        f"{seconds:.0f} seconds of video do not fit {budget.max_bytes:,} bytes: {ways}.",
        limit_bytes=budget.max_bytes,
        best_bytes=int(_floor_bytes(facts, budget, form) * seconds) + _BYTES_OF_BOXES,
        fits_seconds=fits_seconds,
        plans=plans,
        instead=instead,
        **cut,
        **better,
    )


def _plan_to_json(plan: VideoPlan) -> dict[str, Any]:
    """Say at which size, rate and bits that many seconds fit; those of its sound are beside those of its pictures."""
    return {
        "seconds": plan.seconds,
        "as": plan.form.value,
        "width": plan.size[0],
        "height": plan.size[1],
        "fps": round(plan.fps, 2),
        "video_bits_a_second": plan.bits,
        "sound_bits_a_second": plan.sound.bits,
    }


def _plan_in_words(plan: dict[str, Any]) -> str:
    bits = plan["video_bits_a_second"] + plan["sound_bits_a_second"]
    return f"{plan['seconds']:g} seconds ({plan['width']} x {plan['height']} px, {plan['fps']:.3g} fps, {bits / 1000:.3g} kb/s)"
