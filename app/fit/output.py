"""The last step of every fitting: written, counted, hashed, and never over the budget."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from app.errors import CannotFit
from app.model.media import Budget, Facts, Fitted, Quality

_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "text/x-vcard": ".vcf",
}


def metadata_lost(facts: Facts) -> tuple[str, ...]:
    """Say that what an original told beside its pixels is gone; nothing where it told nothing."""
    if facts.has_location:
        return ("location and other metadata removed",)
    return ("metadata removed",) if facts.has_metadata else ()


def write_fitted(
    content: bytes,
    budget: Budget,
    out_dir: Path,
    *,
    content_type: str,
    size: tuple[int, int],
    quality: Quality,
    given_up: Iterable[str] = (),
    untouched: bool = False,
) -> Fitted:
    """Write ``content`` under its hash into ``out_dir``; whatever came before, nothing over the budget passes here.

    Raises:
        CannotFit: too many bytes or pixels, or a type that may not go out.
    """
    width, height = size
    if len(content) > budget.max_bytes:
        raise CannotFit(
            f"The shortest acceptable version has {len(content):,} bytes; the limit is {budget.max_bytes:,}.",
            limit_bytes=budget.max_bytes,
            best_bytes=len(content),
        )
    if max(size) > budget.side_pixels or content_type not in budget.content_types:
        raise CannotFit(
            f"{content_type} of {width}x{height} pixels does not fit {budget.side_pixels} pixels and "
            f"{', '.join(budget.content_types)}.",
            limit_bytes=budget.max_bytes,
            best_bytes=len(content),
        )
    sha256 = hashlib.sha256(content).hexdigest()
    path = out_dir / f"{sha256}{_SUFFIXES.get(content_type, '')}"
    path.write_bytes(content)
    return Fitted(
        path=path,
        content_type=content_type,
        bytes=len(content),
        sha256=sha256,
        width=width,
        height=height,
        untouched=untouched,
        quality=quality,
        given_up=tuple(given_up),
    )
