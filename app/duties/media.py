"""The original of an upload, and a rendition for each budget, hosted once under the address of its bytes."""

import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from app.duties.choices import facts_with_choices, require_choosable
from app.duties.fitting import POSTER, Watch
from app.duties.postcard import Postcard
from app.duties.recipients import known_operators
from app.errors import CannotFit, ContentBlocked, FittingCancelled, NotFound, RecordsInconsistent, Rejected
from app.fit.media import fit_media
from app.host.address import key_of, sha256_of_key
from app.model.media import WHOLE, Asset, Budget, Choice, Facts, Fitted, Form, Kind, Rendition, Spooled
from app.model.ports import Stored
from app.records.assets import add_asset, find_asset_by_sha256, get_asset, rename_asset
from app.records.database import Connection
from app.records.objects import (
    discard_object,
    find_rendition,
    require_not_being_deleted,
    reserve_rendition,
    settle_object,
)
from app.records.takedowns import hold_assets, require_not_blocked
from app.telemetry import log, log_error

POSTER_BUDGET = Budget(60_000, 640)
"""Large enough for our pages and their second pixel; no message carries it."""


def keep_upload(post: Postcard, upload: Spooled, facts: Facts, *, created_by: str) -> tuple[Asset, bool]:
    """Keep the original, then the asset's row with the job that fits it; the same bytes give the asset that is there.

    A deletion of the same bytes may have taken the original between the two: so it is looked at once more at the end.

    Raises:
        ContentBlocked: it was taken down meanwhile; a job erases what was put, however often the store fails.
    """
    stored = post.store.put_original(upload.path, sha256=upload.sha256, content_type=facts.content_type)
    try:
        with post.change() as change:
            asset, new = add_asset(
                change.connection, upload, facts, original_key=stored.key, created_by=created_by, at=change.at
            )
            # After the insert, which waits for a takedown of the same bytes that is under way.
            require_not_blocked(change.connection, upload.sha256)
            require_not_being_deleted(change.connection, asset.original_key)
            if new:
                change.job("fit_asset", asset.id)
    except ContentBlocked:
        with post.change() as change:
            change.job("erase_object", stored.key)
        raise
    keep_original(post, asset, upload)
    return asset, new


def keep_original(post: Postcard, asset: Asset, upload: Spooled) -> None:
    """Put an original that is lost or expired again; one that is there costs a look."""
    try:
        post.store.describe(asset.original_key)
    except NotFound:
        post.store.put_original(upload.path, sha256=upload.sha256, content_type=asset.facts.content_type)


def find_known(post: Postcard, upload: Spooled) -> Asset | None:
    """Find the asset that an upload is already, and mend its original from it; None = it is new, or deleted by now."""
    with post.database.read() as connection:
        known = find_asset_by_sha256(connection, upload.sha256)
    if known is None:
        return None
    keep_original(post, known, upload)
    with post.database.read() as connection:
        still = find_asset_by_sha256(connection, upload.sha256)
    if still is None or still.id != known.id:
        return None
    if still.filename == upload.filename:
        return still
    with post.change() as change:
        return rename_asset(change.connection, still.id, upload.filename)


def host_rendition(post: Postcard, asset: Asset, profile: str, budget: Budget, choice: Choice = WHOLE) -> Rendition:
    """Fit an asset to a budget, in the form that was chosen, and host the result; what is there already is given as it is.

    Raises:
        RecordsInconsistent: the rendition cannot be read back.
    """
    with post.database.read() as connection:
        known = find_rendition(connection, asset.id, profile, budget, choice)
    if known is not None:
        return known
    require_choosable(asset, choice)
    fast = post.settings.fit.setting == "fast"
    with TemporaryDirectory(dir=post.spool_dir, prefix="fit-") as folder:
        with Watch(post, asset, profile, choice, Path(folder)) as watch:
            fitted = fit_original(
                post, asset, budget, Path(folder), choice, watch, fast=fast, for_pages=profile == POSTER
            )
        _host(post, asset, profile, budget, fitted, choice, fast=fast)
    with post.database.read() as connection:
        hosted = find_rendition(connection, asset.id, profile, budget, choice)
    if hosted is None:
        raise RecordsInconsistent("A rendition was hosted but is not in the records.", asset=asset.id)
    return hosted


def host_poster(post: Postcard, asset: Asset) -> None:
    """Make the still that our pages show of a clip; a clip without one can be sent all the same.

    Raises:
        FittingCancelled: somebody stopped it.
    """
    if asset.facts.kind is not Kind.VIDEO:
        return
    try:
        host_rendition(post, asset, POSTER, POSTER_BUDGET, Choice(Form.FIRST_FRAME))
    except FittingCancelled:
        raise
    except Rejected as error:
        log_error("no poster", error, asset=asset.id)


def fit_original(
    post: Postcard,
    asset: Asset,
    budget: Budget,
    folder: Path,
    choice: Choice = WHOLE,
    watch: Watch | None = None,
    *,
    fast: bool,
    for_pages: bool = False,
) -> Fitted:
    """Fetch the original into ``folder`` and fit it there; the same bytes, budget, choice and setting give the same result.

    ``fast`` is the setting, instead of *best*. ``for_pages`` makes the poster of a clip, not its first picture.

    Raises:
        CannotFit: with what would fit instead.
    """
    original = folder / "original"
    post.store.fetch(asset.original_key, original)
    began = time.monotonic()
    try:
        fitted = post.decoders.run_watched(
            watch or _nobody,
            fit_media,
            original,
            asset.facts,
            budget,
            folder,
            fast=fast,
            choice=choice,
            for_pages=for_pages,
        )
    except CannotFit as error:
        with post.database.read() as connection:
            known = known_operators(connection).values()
        raise CannotFit(error.detail, **facts_with_choices(error, asset, choice, known)) from error
    seconds = time.monotonic() - began
    log.info(
        "fitted",
        asset=asset.id,
        bytes=fitted.bytes,
        budget_bytes=budget.max_bytes,
        untouched=fitted.untouched,
        milliseconds=round(seconds * 1000),
    )
    return fitted


def _nobody() -> None:
    """Watch nothing."""


def _host(
    post: Postcard, asset: Asset, profile: str, budget: Budget, fitted: Fitted, choice: Choice, *, fast: bool
) -> None:
    """Write the reference, then put the bytes, then write what the store says: a crash leaves a pending row to repeat.

    Raises:
        ContentBlocked: the upload, or what it became, was taken down.
        NotFound: the asset was deleted.
    """
    key = key_of(fitted.sha256, fitted.content_type, prefix=post.settings.s3.media_prefix)
    with post.change() as change:
        hold_assets(change.connection, [asset.id], alone=True)
        _require_wanted(change.connection, asset, fitted.sha256)
        reserve_rendition(
            change.connection,
            asset_id=asset.id,
            profile=profile,
            budget=budget,
            fitted=fitted,
            key=key,
            at=change.at,
            choice=choice,
            fast=fast,
        )
    stored = post.store.put_media(fitted.path, sha256=fitted.sha256, content_type=fitted.content_type)
    settle_put(post, asset, stored)
    with suppress(FileNotFoundError):
        fitted.path.unlink()


def settle_put(post: Postcard, asset: Asset, stored: Stored) -> None:
    """Write down what was just put for an asset; or have it deleted again, when the asset was deleted or blocked meanwhile.

    Raises:
        ContentBlocked: the upload, or what it became, was taken down.
        NotFound: the asset was deleted.
    """
    unwanted: ContentBlocked | NotFound | None = None
    with post.change() as change:
        hold_assets(change.connection, [asset.id])
        try:
            _require_wanted(change.connection, asset, sha256_of_key(stored.key))
        except (ContentBlocked, NotFound) as error:
            # These bytes came after those that were deleted with the asset: a job of their own removes them.
            unwanted = error
            discard_object(
                change.connection,
                stored.key,
                sha256=sha256_of_key(stored.key),
                content_type=stored.content_type,
                size=stored.bytes,
                at=change.at,
            )
            change.job("delete_objects", "all")
        else:
            settle_object(change.connection, stored, put=True)
    if unwanted is not None:
        raise unwanted


def _require_wanted(connection: Connection, asset: Asset, sha256: str) -> None:
    """Refuse to host for an asset that is gone; it is held, so it stays as it is until the transaction ends."""
    require_not_blocked(connection, asset.sha256, sha256)
    get_asset(connection, asset.id)
