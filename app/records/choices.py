"""What a caller chose, as rows keep it: text in a rendition, JSON in the parts of a campaign."""

from typing import Any

from app.model.media import WHOLE, Choice, Form


def choice_to_text(choice: Choice) -> str:
    """Write a choice; equal ones give equal text: ``auto``, ``mp4``, ``auto 1.500+12.000`` (from 1.5 s on, 12 s long)."""
    cut = f" {choice.start:.3f}+{choice.seconds:.3f}" if choice.start or choice.seconds else ""
    return f"{choice.form.value}{cut}"


def choice_from_text(text: str) -> Choice:
    """Read what :func:`choice_to_text` wrote."""
    form, _, cut = text.partition(" ")
    start, _, seconds = cut.partition("+")
    return Choice(Form(form), float(start or 0), float(seconds or 0))


def choice_to_json(choice: Choice) -> dict[str, Any]:
    """Write a choice in the words of the API, without what was not chosen."""
    told: dict[str, Any] = {} if choice.form is Form.AUTO else {"as": choice.form.value}
    cut = cut_to_json(choice)
    return {**told, "cut": cut} if cut else told


def cut_to_json(choice: Choice) -> dict[str, float] | None:
    """Write the cut of a choice: ``seconds`` is left out where it goes on to the end; None = there is no cut."""
    if not choice.start and not choice.seconds:
        return None
    return {"start": choice.start, "seconds": choice.seconds} if choice.seconds else {"start": choice.start}


def choice_from_json(told: dict[str, Any]) -> Choice:
    """Read what :func:`choice_to_json` wrote; nothing = the whole of it."""
    cut = told.get("cut", {})
    if not told.get("as") and not cut:
        return WHOLE
    return Choice(Form(told.get("as", "auto")), float(cut.get("start", 0)), float(cut.get("seconds", 0)))
