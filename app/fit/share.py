"""One message, several parts: small parts stay whole, the rest share the room by what each was measured to need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.model.media import Facts, Rendition

FULL = 0.96
"""A fitting that used less of its budget than this needed no more."""
GOOD_QUALITY = 90  # of a JPEG: more is hardly seen
_BYTES_BY_SIDE = 1.7  # at one quality the bytes grow by this power of the side
_BYTES_BY_SCALE = (
    0.65  # and fall with this power of how coarse the encoder is: 45 pairs of photographs end closest by it
)
_BYTES_BY_FRAMES = 0.85  # frames in between resemble their neighbours
_MOST_TIMES = 8.0  # what is wanted beyond that is no measurement any more
_MOST_TIMES_MOVING = 3.0  # a clip has no end of wants; beside it a photograph must stay one
_LEAST_OF_EVEN = 3  # nobody gets less than an even share divided by this
_HALVINGS = 80  # of a proportion below 10**9: far finer than one byte


@dataclass(frozen=True, slots=True)
class Need:
    """What one part was measured to need.

    ``whole_bytes``: with these it loses nothing more; None = it took all that it was given and would take more.
    ``good_bytes``: with these it would look good; only the proportion to the other parts counts.
    """

    whole_bytes: int | None
    good_bytes: int


def measure_need(made: Rendition, facts: Facts) -> Need:
    """Tell what a part needs from what it came to when it had the message to itself.

    Args:
        made: fitted to the whole room of a message, with the encoder's own figures.
        facts: of the original.
    """
    has_all = made.untouched or made.bytes < FULL * made.budget.max_bytes or made.content_type == "image/png"
    if made.content_type == "image/jpeg" and made.quality.encoder_quality:
        return Need(made.bytes if has_all else None, _good_jpeg_bytes(made, facts))
    if has_all:
        return Need(made.bytes, made.bytes)
    times = _side_lost(made, facts) ** _BYTES_BY_SIDE
    times *= max(1.0, made.quality.frames_in / max(1, made.quality.frames_out)) ** _BYTES_BY_FRAMES
    # Clips and animations come compressed: they hold no more than their own bytes.
    return Need(None, int(min(made.bytes * min(_MOST_TIMES_MOVING, times), max(made.bytes, facts.bytes))))


def _side_lost(made: Rendition, facts: Facts) -> float:
    """Tell how many times the side would be longer if bytes were no matter."""
    wanted = min(made.budget.side_pixels, max(facts.width, facts.height))
    return max(1.0, wanted / max(1, made.width, made.height))


def _coarseness(encoder: str, quality: int) -> float:
    """Tell how coarsely an encoder quantises at a quality, up to a factor of its own.

    With our tables a quality counts in steps of jpegli's distance, as with those of jpegli that older renditions have; libjpeg
    counts in percent of the standard's tables.
    """
    if "our tables" in encoder or "jpegli" in encoder:
        return 0.1 + (100 - quality) * 0.09
    return 5000 / quality if quality < 50 else max(1, 200 - 2 * quality)


def _good_jpeg_bytes(made: Rendition, facts: Facts) -> int:
    """Follow the encoder's curve from the quality that was reached to a good one, at the full side."""
    encoder, quality = made.quality.encoder, max(1, made.quality.encoder_quality)
    coarser = _coarseness(encoder, quality) / _coarseness(encoder, GOOD_QUALITY)
    times = coarser**_BYTES_BY_SCALE * _side_lost(made, facts) ** _BYTES_BY_SIDE
    return max(1, int(made.bytes * min(_MOST_TIMES, times)))


def share_budget(total_bytes: int, needs: Sequence[Need]) -> list[int]:
    """Divide ``total_bytes`` among the parts of a message.

    A part that is whole with no more than an even share stays whole, and what it leaves rises the share of the others. Those
    divide their room by ``good_bytes``, so that they end at about the same quality; none gets less than a part that stays
    whole, nor less than a third of an even share, nor more than it is whole with.

    Args:
        total_bytes: the room, 0 or more.
        needs: of each part, in any order.

    Returns:
        one figure for each part; together never more than ``total_bytes``.
    """
    room = max(0, total_bytes)
    shares = [0] * len(needs)
    level = 0
    wholes = {part: need.whole_bytes for part, need in enumerate(needs) if need.whole_bytes is not None}
    hungry = [part for part, need in enumerate(needs) if need.whole_bytes is None]
    for part in sorted(wholes, key=lambda each: wholes[each]):
        left = len(hungry) + len(wholes)
        if wholes[part] * left > room:
            break
        shares[part] = level = wholes.pop(part)
        room -= level
    open_needs = {part: needs[part] for part in (*hungry, *wholes)}
    for part, share in _share_by_need(room, open_needs, level).items():
        shares[part] = share
    return shares


def _share_by_need(room: int, needs: Mapping[int, Need], level: int) -> dict[int, int]:
    """Divide the rest in one proportion to ``good_bytes``, the largest that the room allows; each within its bounds."""
    least = max(level, room // (_LEAST_OF_EVEN * max(1, len(needs))))

    def shares_at(proportion: float) -> dict[int, int]:
        return {
            part: max(
                least, min(room if need.whole_bytes is None else need.whole_bytes, int(proportion * need.good_bytes))
            )
            for part, need in needs.items()
        }

    low, high = 0.0, float(room)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(shares_at(middle).values()) <= room else (low, middle)
    return shares_at(low)
