"""The uploader's file name, cleaned for display: it never becomes a path."""

import re
import unicodedata

MAX_CHARACTERS = 120
NAMELESS = "upload"
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")
# Cc control, Cf invisible and direction-changing, Cs lone surrogates, Co private, Zl and Zp line breaks.
_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean_filename(name: str) -> str:
    r"""Clean ``name`` for display.

    Returns:
        NFC text of 1 to 120 characters: the last path segment (of / and of \), without control or direction-changing
        characters; a long one is cut in the middle so that its extension stays; nothing left = "upload".
    """
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(each for each in last if unicodedata.category(each) not in _UNSHOWABLE)
    shown = " ".join(unicodedata.normalize("NFC", shown).split())
    if not shown.strip(". "):
        return NAMELESS
    if len(shown) <= MAX_CHARACTERS:
        return shown
    extension = _EXTENSION.search(shown)
    tail = extension.group() if extension else ""
    return shown[: MAX_CHARACTERS - len(tail) - 1].rstrip() + "…" + tail
