"""How much is spent on encoding a video: at the fast setting about what decoding it takes, whatever the source.

A source of few bits and pixels is decoded for so little that two passes over pictures as large as its own would cost several
times that.
"""

import enum
import math
from dataclasses import replace

from app.fit.video_plan import VideoPlan
from app.model.media import Facts, Form

_PIXELS_A_BYTE = 60  # decoding a byte of H.264 costs about as much as decoding so many pixels
_COST_OF_TWO_PASSES = 12.0  # of veryfast, for a pixel, in pixels decoded
_COST_OF_ONE_PASS = 4.5  # of superfast
_QUICK_UP_TO, _SPARING_UP_TO = 0.5, 0.7  # two passes beside decoding
_MOST_OF_ONE = 0.5  # one pass beside decoding; programs have to be started, too
_LEAST_SIDE = 320
_ENOUGH_BITS = 0.13  # a pixel: with more, fewer pixels would be less sharp


class Effort(enum.Enum):
    """How x264 is asked for: two slow passes, two quick ones, two that spare more, or one, and a second only where it must be."""

    BEST = "best"
    QUICK = "quick"
    SPARING = "sparing"
    SINGLE = "single"

    @property
    def threads(self) -> int:
        """How many decode: a second one is sooner done with what takes long, and costs a tenth more."""
        return 1 if self in {Effort.SPARING, Effort.SINGLE} else 2


def choose_effort(plan: VideoPlan, facts: Facts, *, fast: bool) -> tuple[VideoPlan, Effort]:
    """Choose what a plan may cost, and make its pictures smaller where that is too much for one pass of the fast setting.

    Smaller than 320 pixels, or than what the bits are enough for, they are not made, whatever that costs.
    """
    if not fast:
        return plan, Effort.BEST
    share = plan.seconds / facts.seconds if facts.seconds else 1.0
    decoding = share * (facts.frames * facts.width * facts.height + facts.bytes * _PIXELS_A_BYTE)
    frames = plan.seconds * plan.fps
    pixels = plan.size[0] * plan.size[1]
    two_passes = frames * pixels * _COST_OF_TWO_PASSES / max(1.0, decoding)
    if plan.form is Form.THREE_GP or two_passes <= _SPARING_UP_TO:
        return plan, Effort.QUICK if two_passes <= _QUICK_UP_TO else Effort.SPARING
    affordable = _MOST_OF_ONE * decoding / (frames * _COST_OF_ONE_PASS)
    factor = math.sqrt(max(affordable, plan.bits / (plan.fps * _ENOUGH_BITS)) / pixels)
    factor = min(1.0, max(factor, _LEAST_SIDE / max(plan.size)))
    size = (_even(plan.size[0] * factor), _even(plan.size[1] * factor))
    return replace(plan, size=size, picture=size), Effort.SINGLE


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
