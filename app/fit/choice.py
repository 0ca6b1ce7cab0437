"""What a caller may choose to have made of a file, by its kind; checked before anything is decoded."""

import math
from dataclasses import dataclass, replace
from typing import NoReturn

from app.errors import InvalidRequest
from app.model.media import Choice, Facts, Form, Kind

FORMS: dict[Kind, tuple[Form, ...]] = {
    Kind.STILL: (Form.AUTO,),
    Kind.ANIMATION: (Form.AUTO, Form.MP4, Form.FIRST_FRAME),
    Kind.VIDEO: (Form.AUTO, Form.MP4, Form.THREE_GP, Form.FIRST_FRAME),
    Kind.AUDIO: (Form.AUTO, Form.AAC, Form.AMR, Form.MP3),
    Kind.CONTACT: (Form.AUTO,),
}
"""Which forms each kind can take; AUTO is what Postcard would make of it."""

_CALLED = {
    Kind.STILL: "A still",
    Kind.ANIMATION: "An animation",
    Kind.VIDEO: "A video",
    Kind.AUDIO: "A sound file",
    Kind.CONTACT: "A contact",
}

CUTTABLE = frozenset({Kind.VIDEO, Kind.AUDIO})
LEAST_SECONDS = 0.1
_ROUNDING_SECONDS = 0.1  # lengths are told rounded: who asks for the last second of 3.96 means its end


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a clip: from ``start``, ``seconds`` long, inside of it; ``whole`` says that it is all there is."""

    start: float
    seconds: float
    whole: bool

    @property
    def opening(self) -> tuple[str, ...]:
        """Where ffmpeg begins to read and when it stops: it decodes from the picture before and leaves out what is early."""
        return () if self.whole else ("-ss", f"{self.start:.6f}", "-t", f"{self.seconds:.6f}")

    @property
    def opening_for_pictures(self) -> tuple[str, ...]:
        """Where to begin, with the pictures before the cut: the last of them may be shown far into it. Filters cut them off."""
        return () if self.whole else ("-noaccurate_seek", "-ss", f"{self.start:.6f}")

    @property
    def given_up(self) -> str:
        """Say what was left out; empty when nothing was."""
        return "" if self.whole else f"cut to {self.seconds:.3g} seconds from {self.start:.3g}"


def require_possible(facts: Facts, choice: Choice) -> None:
    """Refuse a form that this kind cannot take, and a cut that is not inside of it.

    Raises:
        InvalidRequest: ``errors`` names the fields; ``forms`` or ``seconds`` say what there is to choose from.
    """
    if choice.form not in FORMS[facts.kind]:
        possible = [form.value for form in FORMS[facts.kind]]
        message = f"{_CALLED[facts.kind]} cannot become {choice.form.value}; possible: {', '.join(possible)}."
        raise InvalidRequest(message, errors=[{"field": "form", "message": message}], forms=possible)
    if choice.start != 0 or choice.seconds != 0:
        cut_of(facts, choice)


def cut_of(facts: Facts, choice: Choice) -> Cut:
    """Work out which piece of a clip is meant: ``seconds`` 0 = to its end.

    Raises:
        InvalidRequest: negative, no number, too short, or not inside the clip; ``seconds`` is how long it is.
    """
    field, message = _wrong_with(facts, choice)
    if message:
        raise InvalidRequest(message, errors=[{"field": field, "message": message}], seconds=facts.seconds)
    rest = facts.seconds - choice.start
    seconds = min(choice.seconds, rest) if choice.seconds else rest
    return Cut(choice.start, seconds, whole=choice.start == 0 and seconds == facts.seconds)


def refuse_without_pictures(facts: Facts, cut: Cut) -> NoReturn:
    """Say that a piece of a video has sound alone: its pictures end before it.

    Raises:
        InvalidRequest: always.
    """
    message = (
        f"There are no pictures from {cut.start:g} to {cut.start + cut.seconds:g} seconds, only sound: cut earlier."
    )
    raise InvalidRequest(message, errors=[{"field": "start", "message": message}], seconds=facts.seconds)


def facts_of(facts: Facts, cut: Cut) -> Facts:
    """Describe the piece instead of the whole."""
    return (
        facts
        if cut.whole
        else replace(facts, seconds=cut.seconds, frames=max(1, round(facts.frames * cut.seconds / facts.seconds)))
    )


def _wrong_with(facts: Facts, choice: Choice) -> tuple[str, str]:
    """Name the field that is wrong and say why; two empty texts when nothing is."""
    start, seconds, length = choice.start, choice.seconds, facts.seconds
    rules = (
        (facts.kind not in CUTTABLE and (start or seconds), "start",
         f"{_CALLED[facts.kind]} cannot be cut; only videos and sound files can."),
        (not math.isfinite(start) or start < 0, "start",
         f"A cut cannot begin at {start:g} seconds; it begins at 0 or later."),
        (not math.isfinite(seconds) or seconds < 0, "seconds",
         f"A cut cannot be {seconds:g} seconds long."),
        (start and start > length - LEAST_SECONDS, "start",
         f"A cut cannot begin at {start:g} seconds: this is {length:g} seconds long."),
        (seconds and seconds < LEAST_SECONDS, "seconds",
         f"A cut of {seconds:g} seconds is too short; {LEAST_SECONDS:g} seconds is the least."),
        (start + seconds > length + _ROUNDING_SECONDS, "seconds",
         f"A cut from {start:g} to {start + seconds:g} seconds ends behind the end, at {length:g}."),
    )  # fmt: skip
    return next(((field, message) for wrong, field, message in rules if wrong), ("", ""))
