"""A rendition for each budget, hosted once under the address of its bytes."""

import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from app.duties.postcard import Postcard
from app.errors import RecordsInconsistent
from app.fit.media import fit_media
from app.host.address import key_of
from app.model.media import Asset, Budget, Fitted, Profile, Rendition
from app.records.objects import find_rendition, reserve_rendition, settle_object
from app.telemetry import FIT_SECONDS, log


def host_rendition(post: Postcard, asset: Asset, profile: Profile, budget: Budget) -> Rendition:
    """Fit an asset to a budget and host the result; what is there already is given as it is.

    Raises:
        RecordsInconsistent: the rendition cannot be read back.
    """
    with post.database.read() as connection:
        known = find_rendition(connection, asset.id, profile.name, budget)
    if known is not None:
        return known
    with TemporaryDirectory(dir=post.spool_dir, prefix="fit-") as folder:
        fitted = fit_original(post, asset, budget, Path(folder))
        _host(post, asset, profile, budget, fitted)
    with post.database.read() as connection:
        hosted = find_rendition(connection, asset.id, profile.name, budget)
    if hosted is None:
        raise RecordsInconsistent("A rendition was hosted but is not in the records.", asset=asset.id)
    return hosted


def fit_original(post: Postcard, asset: Asset, budget: Budget, folder: Path) -> Fitted:
    """Fetch the original into ``folder`` and fit it there; the same bytes and budget give the same result."""
    original = folder / "original"
    post.store.fetch(asset.original_key, original)
    began = time.monotonic()
    fitted = post.decoders.run(fit_media, original, asset.facts, budget, folder)
    seconds = time.monotonic() - began
    FIT_SECONDS.labels(kind=asset.facts.kind.value).observe(seconds)
    log.info(
        "fitted",
        asset=asset.id,
        bytes=fitted.bytes,
        budget_bytes=budget.max_bytes,
        untouched=fitted.untouched,
        milliseconds=round(seconds * 1000),
    )
    return fitted


def _host(post: Postcard, asset: Asset, profile: Profile, budget: Budget, fitted: Fitted) -> None:
    """Write the reference, then put the bytes, then write what the store says: a crash leaves a pending row to repeat."""
    key = key_of(fitted.sha256, fitted.content_type, prefix=post.settings.s3.media_prefix)
    with post.change() as change:
        reserve_rendition(
            change.connection,
            asset_id=asset.id,
            profile=profile.name,
            budget=budget,
            fitted=fitted,
            key=key,
            at=change.at,
        )
    stored = post.store.put_media(fitted.path, sha256=fitted.sha256, content_type=fitted.content_type)
    with post.change() as change:
        settle_object(change.connection, stored)
    with suppress(FileNotFoundError):
        fitted.path.unlink()
