"""From bytes to what they become, as the tests of clips need it."""

from pathlib import Path

from app.fit import fit_media
from app.limits import budget_of, profile_named
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted
from app.probe import probe_media

UNIVERSAL = budget_of(profile_named("universal"))


def probe(folder: Path, content: bytes) -> Facts:
    """Write ``content`` as the upload of ``folder`` and say what it is."""
    file = folder / "upload"
    file.write_bytes(content)
    return probe_media(file, max_pixels=200_000_000)


def fit(
    folder: Path, content: bytes, budget: Budget = UNIVERSAL, choice: Choice = WHOLE, *, fast: bool = False
) -> Fitted:
    """Probe and fit; the result stands in ``folder / "out"``."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return fit_media(folder / "upload", probe(folder, content), budget, out, choice=choice, fast=fast)
