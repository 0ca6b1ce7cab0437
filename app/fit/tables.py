"""The quantisation tables of *best*: ours, found by trying.

They began as those of jpegli (as pyjpegli 0.3.2 takes them) and were changed, entry by entry, in the direction that gave more
SSIMULACRA2 at the same bytes: five rounds of finite differences and steps of 5 to 20 %, 2026-11-23. Looked at were mosaics,
six pieces of 256 x 256 pixels each, of the eleven photographs of Debian's lomiri-wallpapers that the benchmark does not use, at
two qualities each between jpegli's 20 and 94. Beside jpegli's they spend more on the mean of each block and on colour between
red and green, and less on fine luma. docs/decisions/0008-media.md has what they came to on the eight that they never saw.
"""

import math

Tables = tuple[tuple[int, ...], ...]
"""For luma and for chroma, Cb and Cr apart or together: 64 entries each, row by row."""

# The upper half of each table, row by row, the lower being its mirror: the entry at a distance of 1.9, then the power of the
# distance that it grows with; all in hundredths.
_AT_DISTANCE = 1.9
_LUMA = """
    330 504 1054 1005 1403 1400 2232 1662 562 1160 1036 1647 1431 2031 1671
    1317 1561 1721 1816 2510 2013 1776 1919 2000 2341 1860 2818 2383 2281 2386 2255 2017 2494 2209 2237 2237
"""
_CB = """
    242 405 994 1471 1753 2038 2143 1968 745 1881 1218 2030 1641 1705 2276
    1527 1778 1719 1531 2123 2336 1560 1663 2088 2249 2552 1591 2555 1946 2469 2212 2554 3683 4023 3661 4023
"""
_CR = """
    443 485 582 668 1009 1233 1516 1977 459 647 702 1229 1161 1712 1851
    733 1076 1216 1537 1726 1899 1103 1671 1698 1828 2075 1294 2077 1582 2007 1799 2077 2995 3271 2977 3271
"""
_LUMA_POWERS = """
    73 79 71 86 99 78 102 103 87 81 99 96 90 116 99
    89 84 89 106 105 104 79 97 97 94 100 107 99 104 99 108 105 99 99 98 98
"""
_CB_POWERS = """
    78 99 89 106 112 113 92 94 106 105 104 113 89 95 84
    89 96 89 99 82 86 93 96 75 77 83 90 83 83 82 82 82 84 82 83 83
"""
_CR_POWERS = """
    61 84 90 80 101 101 105 95 71 80 92 100 101 95 102
    84 84 102 100 100 105 106 96 93 96 101 109 102 102 100 101 100 102 101 101 101
"""


def _mirrored(text: str) -> tuple[float, ...]:
    """Read the 36 numbers of an upper half, in hundredths, as 64."""
    numbers = iter(text.split())
    half = {(row, column): int(next(numbers)) / 100 for row in range(8) for column in range(row, 8)}
    return tuple(half[min(at // 8, at % 8), max(at // 8, at % 8)] for at in range(64))


_ENTRIES = tuple(
    tuple(zip(_mirrored(entries), _mirrored(powers), strict=True))
    for entries, powers in ((_LUMA, _LUMA_POWERS), (_CB, _CB_POWERS), (_CR, _CR_POWERS))
)


def shaped_tables(distance: float) -> Tables:
    """Tell the tables for luma, Cb and Cr at a ``distance``, the finer the smaller.

    The entries are rounded one after the other as it grows, so bytes change by less than 3 % at a time.
    """
    scale = distance / _AT_DISTANCE
    return tuple(
        tuple(min(255, max(1, round(entry * math.pow(scale, power)))) for entry, power in table) for table in _ENTRIES
    )
