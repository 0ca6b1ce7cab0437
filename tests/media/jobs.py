"""What confined processes are asked to do with made files."""

from pathlib import Path

from app.fit import fit_media
from app.model.media import Budget, Fitted
from app.probe import probe_media


def probe_and_fit(path: Path, budget: Budget, out_dir: Path) -> Fitted:
    """Do both in one confined job."""
    return fit_media(path, probe_media(path, max_pixels=20_000_000), budget, out_dir)


def probe_and_fit_large(path: Path, budget: Budget, out_dir: Path) -> Fitted:
    """Do both with pictures of up to 200 megapixels."""
    return fit_media(path, probe_media(path, max_pixels=200_000_000), budget, out_dir)
