"""What is wrong with a request, by field: every 422 says it in the same shape, whoever found it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request

from app.errors import PostcardError

MOST = 1000
"""Entries of ``errors``; a list of recipients may hold a hundred thousand bad ones, which ``recipients`` names all."""
_NUMBERS: Mapping[str, str] = {
    "messages.create_one": "to",
    "suppressions.add": "numbers",
    "suppressions.remove": "number",
}
"""How the field with the numbers is called at an address; ``recipients`` elsewhere."""
_FIELDS: Mapping[str, str] = {
    "fetch-refused": "url",
    "upload-empty": "file",
    "no-sender": "recipients",
    "invalid-message": "parts",
    "message-too-large": "parts",
}
"""The field that an error is about, where the error names none."""
_MEDIA = frozenset({"media-damaged", "media-too-big", "cannot-fit"})


def wrong_fields(error: PostcardError) -> list[dict[str, str]]:
    """List ``{"field", "message"}`` for each thing that is wrong; an entry of a list is named by its index: ``recipients.3``."""
    given: Sequence[dict[str, str]] = error.facts.get("errors", ())
    if given:
        return list(given)
    bad = [each for each in error.facts.get("recipients", ()) if isinstance(each, dict) and "reason" in each]
    if bad:
        return [{"field": _place(each), "message": str(each["reason"])} for each in bad[:MOST]]
    field = error.facts.get("field") or _FIELDS.get(error.slug) or _place_of_media(error.slug)
    return [{"field": str(field), "message": error.detail}]


def _place(bad: Mapping[str, Any]) -> str:
    name = _NUMBERS.get(request.endpoint or "", "recipients")
    single = not name.endswith("s")
    return name if single or "index" not in bad else f"{name}.{bad['index']}"


def _place_of_media(slug: str) -> str:
    """Name where media came from: an upload as a file or by its URL, a part of a message; one that is there has a profile."""
    if slug not in _MEDIA:
        return "body"
    if request.endpoint == "assets.create_asset":
        return "url" if request.mimetype == "application/json" else "file"
    return {"uploads.complete": "file", "assets.create_rendition": "profile"}.get(request.endpoint or "", "parts")
