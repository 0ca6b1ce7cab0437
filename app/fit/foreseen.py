"""What a first pass of x264 would find out, foreseen: how hard each picture is to code, from the source's own packets.

A source spends its bytes where its pictures change, and so will x264. Told this as the statistics of a pass that never was,
it shares the bits out as a second pass does, and corrects itself by what really comes.
"""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import fmean

from app.fit.packets import Packet
from app.fit.video_plan import VideoPlan
from app.model.media import Facts

_QUANTISER = 26  # at which a picture of footage comes to about so many bits a pixel, whatever the source:
_USUAL_BITS = 0.085  # rather too few: a beginning that is too fine is no harm, one that is too coarse is seen
_USUAL_SOURCE_BITS, _POWER = 0.1, 0.3  # a pixel; a source that has more is harder, or only finer
_FEWEST_BITS, _MOST_BITS = 0.01, 0.3
_FIRST_BESIDE_OTHERS = 0.6  # how much longer the first picture is than the others, beside the source's whole ones
_LEAST_FIRST, _MOST_FIRST = 1.5, 15.0
_SMOOTHED_SECONDS = 0.25  # B-frames are short and what they refer to is long: neighbours tell together how hard it is
_SPARE_FRAMES, _SPARE_SHARE = 3, 0.05  # should there be more pictures than foreseen
_VECTORS = 0.15  # of the bits of a picture
_HEADER_BITS = 0.8  # a macroblock


def write_statistics(log: Path, packets: Sequence[Packet], facts: Facts, plan: VideoPlan) -> None:
    """Write the statistics of a first pass into ``log``, as x264 reads them, for the pictures that ``packets`` become."""
    rate = Fraction(f"{plan.fps:.6g}").limit_denominator(1_001_000)
    width, height = plan.size
    blocks = -(-width // 16) * -(-height // 16)
    lines = [f"#options: {width}x{height} timebase={rate.denominator}/{rate.numerator} bitdepth=8 weightp=0 bframes=0"]
    foreseen = _foresee_bits(packets, facts, plan)
    spare = [foreseen[-1] * _SPARE_SHARE] * _SPARE_FRAMES
    for number, bits in enumerate([*foreseen, *spare]):
        vectors, headers = round(_VECTORS * bits), round(_HEADER_BITS * blocks)
        whole = 0 if number else blocks
        ticks = 2 if number < len(foreseen) else 0
        lines.append(
            f"in:{number} out:{number} type:{'P' if number else 'I'} dur:{ticks} cpbdur:{ticks}"
            f" q:{_QUANTISER}.00 aq:{_QUANTISER}.00"
            f" tex:{max(1, round(bits) - vectors - headers)} mv:{vectors} misc:{headers}"
            f" imb:{whole} pmb:{blocks - whole} smb:0 d:- ref:{'0 ' if number else ''};"
        )
    log.write_text("\n".join(lines) + "\n", encoding="ascii")


def _foresee_bits(packets: Sequence[Packet], facts: Facts, plan: VideoPlan) -> list[float]:
    """Foresee what each picture comes to at the usual quantiser: the first one stands alone, the others are changes."""
    others = [packet.length for packet in packets if not packet.is_whole and packet.seconds >= 0]
    wholes = [packet.length for packet in packets if packet.is_whole]
    usual = fmean(others) if others else 0.0
    source_bits = usual * 8 / (facts.width * facts.height)
    root = (source_bits / _USUAL_SOURCE_BITS) ** _POWER if others else 1.0
    mean = plan.size[0] * plan.size[1] * min(_MOST_BITS, max(_FEWEST_BITS, _USUAL_BITS * root))
    ratio = _FIRST_BESIDE_OTHERS * max(wholes) / usual if wholes and usual else _LEAST_FIRST
    weights = _weigh_pictures(packets, plan) or [1.0] * max(1, round(plan.seconds * plan.fps))
    weights = [weight / max(1e-9, fmean(weights)) for weight in weights]
    first = mean * min(_MOST_FIRST, max(_LEAST_FIRST, ratio))
    return [first, *(mean * weight for weight in weights[1:])]


def _weigh_pictures(packets: Sequence[Packet], plan: VideoPlan) -> list[float]:
    """Weigh each picture that goes out by the bytes that the source spends while it is shown, smoothed."""
    if len(packets) < 2:
        return []
    changes = [packet.length for packet in packets if not packet.is_whole] or [packet.length for packet in packets]
    usual, spent, starts = fmean(changes), [0.0], [packet.seconds for packet in packets]
    last = starts[-1] + max(1e-3, (starts[-1] - starts[0]) / (len(starts) - 1))
    before = usual
    for packet in packets:
        before = before if packet.is_whole and len(changes) < len(packets) else float(packet.length)
        spent.append(before)
    total = list(accumulate(spent))
    edges = [*starts, last]

    def until(seconds: float) -> float:
        at = min(len(packets) - 1, max(0, bisect_right(edges, seconds) - 1))
        share = min(1.0, max(0.0, (seconds - edges[at]) / max(1e-6, edges[at + 1] - edges[at])))
        return total[at] + share * (total[at + 1] - total[at])

    frames = max(1, round(min(last, plan.seconds + 1) * plan.fps))
    each = [
        after - until_now for until_now, after in pairwise(until(number / plan.fps) for number in range(frames + 1))
    ]
    reach = max(1, round(_SMOOTHED_SECONDS * plan.fps / 2))
    floor = 0.02 * fmean(each)
    return [max(floor, fmean(each[max(0, at - reach) : at + reach + 1])) for at in range(frames)]
