"""A fitting under way: how far it is, how it is stopped, and what an asset's state says afterwards.

Whoever fits (the worker, or the web for a preview) tells in a row how far it is, about once a second, and learns from that
row that somebody cancelled it. A fitting that ends within the first second leaves no trace.
"""

import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from app.duties.postcard import Postcard
from app.errors import DatabaseBusy, FittingCancelled, NotFound, PostcardError, WrongState
from app.fit.progress import read_progress
from app.limits import DEFAULT_PROFILE
from app.model.media import WHOLE, Asset, AssetState, Choice, Rendition
from app.records.assets import get_asset, settle_asset
from app.records.fittings import begin_fitting, cancel_fittings, end_fitting, go_on_fitting
from app.records.objects import renditions_of
from app.telemetry import log, log_error

TELL_SECONDS = 1.0
CANCELLED = "Somebody cancelled the fitting of this file."
POSTER = "poster"
"""In place of a profile: the still that our pages show of a clip, which no message carries."""


class Watch(AbstractContextManager["Watch"]):
    """Called some times a second while an asset is fitted; the context ends with the fitting.

    Args:
        post: what the path works with.
        asset: as it stood when the fitting began.
        profile: for which limit.
        choice: what is to become of it.
        folder: where the fitter works, and says how far it is.
        tell_seconds: how often that is told.
    """

    def __init__(
        self,
        post: Postcard,
        asset: Asset,
        profile: str,
        choice: Choice,
        folder: Path,
        *,
        tell_seconds: float = TELL_SECONDS,
    ) -> None:
        self._post = post
        self._asset = asset
        self._profile = profile
        self._choice = choice
        self._folder = folder
        self._tell_seconds = tell_seconds
        self._told_at = time.monotonic()
        self._row = ""

    def __call__(self) -> None:
        """Tell how far it is, when it is time to.

        Raises:
            FittingCancelled: somebody wants it to stop.
        """
        if time.monotonic() - self._told_at < self._tell_seconds:
            return
        try:
            goes_on = self._tell()
        except DatabaseBusy as error:
            log_error("progress not told", error, asset=self._asset.id)
            goes_on = True
        except NotFound:
            goes_on = False  # deleted: nobody wants it any more
        if not goes_on:
            log.info("fitting cancelled", asset=self._asset.id)
            raise FittingCancelled(CANCELLED)
        self._told_at = time.monotonic()

    def _tell(self) -> bool:
        progress = read_progress(self._folder)
        with self._post.change() as change:
            asset = get_asset(change.connection, self._asset.id)
            if self._row:
                return go_on_fitting(change.connection, self._row, progress=progress, at=change.at)
            if self._asset.state is AssetState.FITTING and asset.state is AssetState.FAILED:
                return False  # cancelled within the first second
            self._row = begin_fitting(
                change.connection, asset.id, self._profile, self._choice, progress=progress, at=change.at
            )
        return True

    def __exit__(self, *_: object) -> None:
        """Forget the row; one that the database keeps for now counts no more after its lease."""
        if self._row:
            with suppress(DatabaseBusy), self._post.change() as change:
                end_fitting(change.connection, self._row)


def cancel_fitting(post: Postcard, asset_id: str) -> Asset:
    """Stop everything that is being fitted of an asset; one that was not usable yet is *failed* then.

    The encoder ends within about a second. Its bytes uploaded again are fitted again.

    Raises:
        WrongState: nothing is being fitted.
    """
    with post.change() as change:
        asset = get_asset(change.connection, asset_id)
        asked = cancel_fittings(change.connection, asset_id, at=change.at)
        if asset.state is AssetState.FITTING:
            settle_asset(change.connection, asset_id, AssetState.FAILED, problem_of(FittingCancelled(CANCELLED)))
        elif not asked:
            raise WrongState("Nothing of this asset is being fitted.", state=asset.state.value)
        return get_asset(change.connection, asset_id)


def problem_of(error: PostcardError) -> dict[str, Any]:
    """Keep an error as data: the words that the API and the page show."""
    return {"slug": error.slug, "title": error.title, "detail": error.detail, "remedy": error.remedy, **error.facts}


def settle_fitted(post: Postcard, made: Rendition) -> None:
    """Say that an asset can be used, for it became something.

    What was chosen mends an asset that failed, and leaves said why it cannot go out as it is. While the worker still makes the
    rendition that every asset gets, that one decides.
    """
    with post.change() as change:
        asset = get_asset(change.connection, made.asset_id)
        is_usual = made.choice == WHOLE and made.profile == DEFAULT_PROFILE
        failure = None if is_usual else _lasting(asset.failure)
        if asset.state is AssetState.FAILED or (is_usual and (asset.state, asset.failure) != (AssetState.READY, None)):
            settle_asset(change.connection, asset.id, AssetState.READY, failure)


def _lasting(failure: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keep a failure that is about the bytes; that somebody cancelled, or that a store was away, has passed."""
    return failure if failure and "limit_bytes" in failure else None


def settle_unfitted(post: Postcard, asset_id: str, error: PostcardError) -> None:
    """Say why an asset cannot go out as it is; it is *failed* unless something that was chosen was made of it already.

    A cancelled one says so already, and may be on its way again.
    """
    if isinstance(error, FittingCancelled):
        return
    with post.change() as change:
        usable = any(each.profile != POSTER for each in renditions_of(change.connection, [asset_id]))
        state = AssetState.READY if usable else AssetState.FAILED
        settle_asset(change.connection, asset_id, state, problem_of(error))
