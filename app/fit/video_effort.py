"""How much is spent on encoding a video: at the fast setting about what decoding it takes, whatever the source.

A source of few bits and pixels is decoded for so little that even one pass over pictures as large as its own would cost several
times that.
"""

import enum
import math
from dataclasses import replace

from app.fit.video_plan import Sound, VideoPlan
from app.model.media import Facts, Form

# Nanoseconds of one machine; what they are to each other is what counts.
_DECODING_PIXEL, _DECODING_BYTE, _DECODING_PICTURE = 0.8, 120.0, 150_000.0
_STARTING = 10_000_000.0  # a program
_SOUND_SECOND = 3_000_000.0
_MOST_BESIDE_DECODING = 0.95
_LEAST_SIDE = 320
_ENOUGH_BITS = 0.13  # a pixel: with more, fewer pixels would be less sharp
_GOOD_SOUND = 48_000  # bits a second, from which on the quick search for quantisers loses nothing
_DEARER_SOUND = 4 / 3  # below it, quick search of so much more is better than the slow one
_MOST_OF_PICTURES = 0.06


class Effort(enum.Enum):
    """How x264 is asked for: two slow passes, two quick ones, or one of ``medium``, ``veryfast`` or ``superfast``."""

    BEST = "best"
    QUICK = "quick"
    FINE = "fine"
    FAIR = "fair"
    LEAST = "least"

    @property
    def is_one_pass(self) -> bool:
        """Tell whether the source is decoded and encoded at once."""
        return self not in {Effort.BEST, Effort.QUICK}


_ENCODING_PIXEL = {Effort.FINE: 42.0, Effort.FAIR: 11.5, Effort.LEAST: 9.3}  # scaling it included


def choose_effort(plan: VideoPlan, facts: Facts, *, fast: bool) -> tuple[VideoPlan, Effort]:
    """Choose what a plan may cost, and make its pictures smaller where even the least pass is too much for the fast setting.

    Smaller than 320 pixels, or than what the bits are enough for, they are not made, whatever that costs.
    """
    if not fast:
        return plan, Effort.BEST
    if plan.form is Form.THREE_GP:
        return plan, Effort.QUICK
    plan = _with_quick_sound(plan)
    affordable = _affordable(plan, facts)
    pixels = plan.size[0] * plan.size[1]
    for effort, nanoseconds in _ENCODING_PIXEL.items():
        if plan.seconds * plan.fps * pixels * nanoseconds <= affordable:
            return plan, effort
    fitting = max(0.0, affordable) / (plan.seconds * plan.fps * _ENCODING_PIXEL[Effort.LEAST])
    factor = math.sqrt(max(fitting, plan.bits / (plan.fps * _ENOUGH_BITS)) / pixels)
    factor = min(1.0, max(factor, _LEAST_SIDE / max(plan.size)))
    size = (_even(plan.size[0] * factor), _even(plan.size[1] * factor))
    return replace(plan, size=size, picture=size), Effort.LEAST


def _affordable(plan: VideoPlan, facts: Facts) -> float:
    """Foresee what decoding takes, and what of as much is left for the pictures."""
    share = plan.seconds / facts.seconds if facts.seconds else 1.0
    a_picture = facts.width * facts.height * _DECODING_PIXEL + _DECODING_PICTURE
    sound = plan.seconds * _SOUND_SECOND if plan.sound.bits else 0.0
    decoding = share * (facts.frames * a_picture + facts.bytes * _DECODING_BYTE) + _STARTING
    return decoding * _MOST_BESIDE_DECODING - _STARTING - sound


def _with_quick_sound(plan: VideoPlan) -> VideoPlan:
    """Let the sound be searched quickly, where that is no worse; with a third more bits where the pictures can spare them."""
    sound = plan.sound
    more = 0 if sound.bits >= _GOOD_SOUND else round(sound.bits * (_DEARER_SOUND - 1) / 1000) * 1000
    if not sound.bits or more > plan.bits * _MOST_OF_PICTURES:
        return plan
    quick = Sound(sound.bits + more, sound.hertz, sound.channels, sound.boxes, "fast")
    return replace(plan, sound=quick, bits=plan.bits - more)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
