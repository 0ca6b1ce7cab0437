"""H.263 to a byte budget: one quantiser for all pictures, found in at most three runs.

ffmpeg's own two passes for H.263 miss by a third on some footage; what a quantiser gives is foreseeable.
"""

import math
from collections.abc import Callable

from app.confine.programs import run_ffmpeg_on_own
from app.errors import MediaDamaged
from app.fit.reduce import CLEAN, Reduced
from app.fit.two_pass import Encoded, bytes_around
from app.fit.video_plan import VideoPlan
from app.model.media import Budget

_FINEST, _COARSEST = 2, 31
_USUAL_BITS_PER_PIXEL = 0.2  # at a quantiser of 5
_USUAL_POWER = 1.2  # by which the bytes fall as the quantiser rises
_MOST_RUNS = 3
# The level that the file announces, by its bits a second: 64, 128 kb/s of QCIF, 384 of CIF (ITU-T H.263, annex X).
_LEVELS = {352: ((0, 30),), 176: ((0, 10), (64_000, 45)), 128: ((0, 10), (64_000, 45))}


def encode_h263(
    reduced: Reduced, plan: VideoPlan, budget: Budget, *, part: Callable[[int], Callable[[float], None]]
) -> Encoded:
    """Encode at the finest quantiser that fits; what comes out is too long when not even the coarsest does.

    Args:
        reduced: pictures and sound, as they will be.
        plan: the bits that there are.
        budget: what is never exceeded.
        part: gives for a run (1, 2, 3) what is told how far it is.

    MediaDamaged when the encoder fails.
    """
    around = bytes_around(reduced.sound_bytes, reduced.frames)
    room = max(1.0, min(budget.max_bytes, plan.most_bits / 8 * reduced.seconds + around) - around)
    pixels = reduced.frames * plan.size[0] * plan.size[1]
    tried: dict[int, float] = {}
    best = shortest = b""
    quantiser = _within(5 * (_USUAL_BITS_PER_PIXEL / (room * 8 / pixels)) ** (1 / _USUAL_POWER))
    for number in range(1, _MOST_RUNS + 1):
        content = _run(reduced, quantiser, part(number))
        tried[quantiser] = max(1.0, len(content) - around)
        if tried[quantiser] <= room and len(content) > len(best):
            best = content
        shortest = min(shortest or content, content, key=len)
        quantiser = _next(tried, room)
        if quantiser in tried:
            break
    content = best or shortest
    bits = int((len(content) - around) * 8 / reduced.seconds)
    return Encoded(_with_level(content, plan, bits), len(tried), bits)


def _within(quantiser: float) -> int:
    return min(_COARSEST, max(_FINEST, round(quantiser)))


def _next(tried: dict[int, float], room: float) -> int:
    """Choose the finest quantiser that should fit: along the curve through what was tried, coarser than all that did not."""
    known = min(tried, key=lambda each: abs(tried[each] - room))
    power = _USUAL_POWER
    if len(tried) > 1:
        (fine, longer), (coarse, shorter) = sorted(tried.items())[:2]
        power = max(0.8, math.log(longer / shorter) / math.log(coarse / fine)) if longer > shorter else power
    over = max((each for each in tried if tried[each] > room), default=_FINEST - 1)
    fitting = (each for each in range(_FINEST, _COARSEST) if tried[known] * (known / each) ** power <= room)
    return min(_COARSEST, max(next(fitting, _COARSEST), over + 1))


def _run(reduced: Reduced, quantiser: int, on_seconds: Callable[[float], None]) -> bytes:
    """Encode once.

    Raises:
        MediaDamaged: the encoder failed.
    """
    made = reduced.pictures.with_name("made")
    maps = [option for index in range(len(reduced.inputs)) for option in ("-map", str(index))]
    done = run_ffmpeg_on_own(
        reduced.inputs, *maps, *CLEAN, "-c:v", "h263", "-g", "75", "-mbd", "rd", "-q:v", str(quantiser), "-threads", "1",
        "-c:a", "copy", "-movflags", "+faststart", "-brand", "3gp4", "-f", "3gp", f"file:{made}",
        on_seconds=on_seconds,
    )  # fmt: skip
    if done.returncode:
        raise MediaDamaged("This video cannot be encoded.")
    return made.read_bytes()


def _with_level(content: bytes, plan: VideoPlan, bits: int) -> bytes:
    """Announce the level that it needs: ffmpeg always writes 10."""
    level = max((least, level) for least, level in _LEVELS[plan.size[0]] if bits >= least)[1]
    at = content.find(b"d263")
    return content if at < 0 else content[: at + 9] + bytes([level]) + content[at + 10 :]
