"""Limits in words: who takes messages of a length, why recipients get theirs, and what speaks against a chosen one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from app.errors import InvalidRequest
from app.limits import auto_profile, profile_named
from app.model.media import Operator, Profile
from app.model.messages import SenderKind

_MANY = {
    SenderKind.SHORT_CODE: "short codes",
    SenderKind.TOLL_FREE: "toll-free numbers",
    SenderKind.VIRTUAL_MOBILE: "virtual mobile numbers",
}
_ONE = {
    SenderKind.SHORT_CODE: "a short code",
    SenderKind.TOLL_FREE: "a toll-free number",
    SenderKind.VIRTUAL_MOBILE: "a virtual mobile number",
}


def taken_by(profile: Profile, operators: Iterable[Operator]) -> str:
    """Say which operators take messages of a profile's length, from which kind of sender."""
    names: dict[tuple[str, tuple[SenderKind, ...]], list[str]] = defaultdict(list)
    for operator in operators:
        kinds = tuple(kind for kind in SenderKind if _takes(operator, kind, profile))
        if kinds:
            names[operator.country, kinds].append(operator.name)
    groups = [
        f"{country}: {', '.join(sorted(found))}" + ("" if len(kinds) == len(SenderKind) else f" (from {_words(kinds)})")
        for (country, kinds), found in sorted(names.items())
    ]
    taken = f"taken by {'; '.join(groups)}" if groups else "taken by no operator that is known"
    return (
        f"{profile.name} is {profile.max_bytes:,} bytes, {taken}. Other operators may refuse the message or spoil it."
    )


def _takes(operator: Operator, kind: SenderKind, profile: Profile) -> bool:
    name = operator.profile_by_kind.get(kind.value)
    takes = profile.max_bytes <= (operator.max_bytes or profile.max_bytes)
    return takes and name is not None and profile_named(name).max_bytes >= profile.max_bytes


def _words(kinds: Collection[SenderKind]) -> str:
    return "any sender" if len(kinds) == len(SenderKind) else " and ".join(_MANY[kind] for kind in kinds)


def explain_limit(wanted: str, kind: SenderKind, countries: Iterable[str], side_pixels: int) -> str:
    """Say why it is this limit, for the recipients in ``countries``; ``wanted`` is *auto* or a profile chosen for all.

    ``side_pixels`` is the side that they get, which may be their operators' own.
    """
    if wanted != "auto":
        own = side_pixels < profile_named(wanted).side_pixels
        shorter = f", within the {side_pixels:,} pixels that the operators of these numbers show" if own else ""
        return f"This limit was chosen for everybody{shorter}."
    *others, last = sorted(set(countries)) or [""]
    named = f"{', '.join(others)} and {last}" if others else last
    if not named:
        return "What operators take that are not known; the numbers may ask for another size."
    return f"What the operators of these numbers ({named}) take from {_ONE[kind]}, as far as is known."


def advise_edit(before: Collection[Operator], after: Collection[Operator]) -> tuple[str, ...]:
    """Say what an edit of operators means for recipients whose operator is not known; empty when it is nothing."""
    moved: dict[tuple[str, str, str], list[SenderKind]] = defaultdict(list)
    for country in sorted({each.country for each in (*before, *after)}):
        for kind in SenderKind:
            was, now = _usual(country, kind, before), _usual(country, kind, after)
            if was != now:
                moved[country, was, now].append(kind)
    return tuple(
        f"Recipients in {country} whose operator is not known get {now} from {_words(kinds)}; before this it was {was}."
        for (country, was, now), kinds in moved.items()
    )


def _usual(country: str, kind: SenderKind, known: Iterable[Operator]) -> str:
    """Name what recipients get whose operator is not known; *nothing* where one takes less than any message has."""
    try:
        limit = auto_profile(country, kind, known=known)
    except InvalidRequest:
        return "nothing"
    return f"{limit.name} ({limit.max_bytes:,} bytes)"


def advise_limit(wanted: Profile, usual: Sequence[Profile]) -> tuple[str, ...]:
    """Warn of a limit chosen for everybody when it is more than what ``usual`` says the recipients' operators take."""
    smaller = sum(each.max_bytes < wanted.max_bytes for each in usual)
    if not smaller:
        return ()
    whose = "The operator of one recipient takes" if smaller == 1 else f"The operators of {smaller:,} recipients take"
    return (f"{whose} less than {wanted.name}, as far as is known, and may refuse the message or spoil it.",)
