"""The entry: which kind is fitted by what."""

import time
from dataclasses import replace
from pathlib import Path

from app.fit.choice import require_possible
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Kind

DECODERS = (
    "app.fit.animation",
    "app.fit.audio",
    "app.fit.codecs",
    "app.fit.contact",
    "app.fit.pixels",
    "app.fit.stand_in",
    "app.fit.still",
    "app.fit.video",
)
"""What the processes that fit import before they begin, and nobody else: Pillow, numpy, OpenCV and encoders take about 50 MB."""


def fit_media(
    path: Path,
    facts: Facts,
    budget: Budget,
    out_dir: Path,
    *,
    fast: bool = False,
    choice: Choice = WHOLE,
    for_pages: bool = False,
) -> Fitted:
    """Make the best of ``path`` that ``budget`` allows; the same bytes in always give the same bytes out.

    Args:
        path: the upload; read, never changed.
        facts: what ``probe_media`` said of it.
        budget: inclusive limits.
        out_dir: where the result is written, under the SHA-256 of its bytes.
        fast: take the quicker way where there are two.
        choice: what the caller wants made of it: a form, and a cut of clips.
        for_pages: one picture of a clip is the one that stands for all of it, not the first.

    InvalidRequest when the choice is none for this kind or length. CannotFit when nothing acceptable is short enough,
    with ``limit_bytes`` and ``best_bytes``; MediaUnsupported when the program that it takes is not here, or the kind may
    not go out; MediaDamaged when no decoder gets through it.
    """
    require_possible(facts, choice)
    started = time.monotonic_ns()
    fitted = _fit_kind(path, facts, budget, out_dir, choice, fast=fast, for_pages=for_pages)
    if fitted.quality.milliseconds:
        return fitted
    # What passes through is read to its end as well; a begun millisecond counts as one.
    milliseconds = 1 + (time.monotonic_ns() - started) // 1_000_000
    return replace(fitted, quality=replace(fitted.quality, milliseconds=milliseconds))


def _fit_kind(
    path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice, *, fast: bool, for_pages: bool
) -> Fitted:
    if facts.kind is Kind.STILL:
        from app.fit.still import fit_still

        return fit_still(path, facts, budget, out_dir, fast=fast)
    if facts.kind is Kind.ANIMATION:
        return _fit_animation(path, facts, budget, out_dir, choice, fast=fast)
    if facts.kind is Kind.VIDEO:
        from app.fit.video import fit_video

        return fit_video(path, facts, budget, out_dir, choice, fast=fast, for_pages=for_pages)
    if facts.kind is Kind.AUDIO:
        from app.fit.audio import fit_audio

        return fit_audio(path, facts, budget, out_dir, choice)
    from app.fit.contact import fit_contact

    return fit_contact(path, facts, budget, out_dir)


def _fit_animation(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice, *, fast: bool) -> Fitted:
    """Keep it an animation, or make of it what the caller chose instead."""
    if choice.form is Form.FIRST_FRAME:
        from app.fit.stand_in import fit_first_frame

        return fit_first_frame(path, facts, budget, out_dir, choice)
    if choice.form is Form.MP4:
        from app.fit.stand_in import fit_animation_as_video

        return fit_animation_as_video(path, facts, budget, out_dir, choice, fast=fast)
    from app.fit.animation import fit_animation

    return fit_animation(path, facts, budget, out_dir)
