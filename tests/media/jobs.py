"""What confined processes are asked to do with made files."""

from pathlib import Path

from app.fit import fit_media
from app.model.media import Budget, Choice, Facts, Fitted
from app.probe import probe_media


def probe_and_fit(path: Path, budget: Budget, out_dir: Path) -> Fitted:
    """Do both in one confined job."""
    return fit_media(path, probe_media(path, max_pixels=20_000_000), budget, out_dir)


def probe_fit_and_probe(
    path: Path, budget: Budget, out_dir: Path, *, choice: Choice, for_pages: bool
) -> tuple[Fitted, Facts]:
    """Fit what was chosen, and say what the result is."""
    facts = probe_media(path, max_pixels=20_000_000)
    fitted = fit_media(path, facts, budget, out_dir, choice=choice, for_pages=for_pages)
    return fitted, probe_media(fitted.path, max_pixels=20_000_000)


def probe_and_fit_large(path: Path, budget: Budget, out_dir: Path) -> Fitted:
    """Do both with pictures of up to 200 megapixels."""
    return fit_media(path, probe_media(path, max_pixels=200_000_000), budget, out_dir)
