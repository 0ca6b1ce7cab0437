"""One message, several parts: small parts stay whole, the rest share the room by what they need."""

from collections.abc import Sequence


def share_budget(total_bytes: int, wants: Sequence[int]) -> list[int]:
    """Divide ``total_bytes`` among parts that would like ``wants`` bytes each; no part gets more than it wants.

    A part that wants no more than an even share stays whole, and what it leaves rises the share of the others
    (water-filling); those divide their room half evenly, half by how much they want.

    Args:
        total_bytes: the room, 0 or more.
        wants: what each part needs to stay as it is, 0 or more.

    Returns:
        one figure for each part; together never more than ``total_bytes``, and all of it when the parts want it.
    """
    room = max(0, total_bytes)
    if sum(wants) <= room:
        return list(wants)
    shares = [0] * len(wants)
    level = 0
    open_parts = sorted(range(len(wants)), key=wants.__getitem__)
    while open_parts and wants[open_parts[0]] * len(open_parts) <= room:
        smallest = open_parts.pop(0)
        shares[smallest] = level = wants[smallest]
        room -= wants[smallest]
    # What remains wants more than an even share each. Half of the room is divided evenly (and nobody gets less than a part
    # that stays whole), the rest by need: who wants ten times more gets more, and leaves the others something.
    need = sum(wants[part] for part in open_parts)
    even = max(level, room // 2 // max(1, len(open_parts)))
    rest = room - even * len(open_parts)
    for part in open_parts:
        shares[part] = even + rest * wants[part] // need
    return shares
