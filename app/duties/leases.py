"""Nothing that a message links to may die too early, and nothing is announced that cannot be fetched."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.duties.fitting import POSTER
from app.duties.media import fit_original, settle_put
from app.duties.postcard import Postcard
from app.errors import MediaUnreachable, NotFound, PostcardError, StoreMisconfigured
from app.host.lease import available_until, held_until, lifecycle_is_long_enough, needs_renewal
from app.host.selftest import verify_public
from app.model.ids import new_id
from app.model.media import HostedObject, Rendition
from app.model.ports import Stored
from app.records.assets import get_asset
from app.records.jobs import drop_lock, take_lock
from app.records.objects import (
    discard_object,
    find_object,
    lose_object,
    rendition_of_object,
    renditions_of,
    settle_object,
    settle_verification,
)
from app.telemetry import log, log_error

MINIMUM_CACHE_SECONDS = 259_200
"""Three days: OpenMarket heeds Cache-Control and fetches up to three days after the last request (reference, 20-22)."""


def require_long_lifecycle(post: Postcard) -> None:
    """Look at the bucket's own rules, not at the setting.

    Raises:
        StoreMisconfigured: the rules would remove media before its lease ends.
    """
    enough, wrong = lifecycle_is_long_enough(post.store.lifecycle_days(), post.settings.lease.minimum_days)
    if not enough:
        raise StoreMisconfigured(wrong, minimum_days=post.settings.lease.minimum_days)


RENEW_SECONDS = 60.0
"""How long a worker may be at renewing an object until another one tries, too."""
WAIT_SECONDS = 0.1
LOOK_SECONDS = 30.0
"""How long what the store said of an object is believed while a campaign runs; the margin of a lease is a day."""


class LeaseKeeper:
    """Keeps what a campaign links to: before each group leaves, every object outlives that request's lease by a day."""

    def __init__(self, post: Postcard, renditions: Iterable[Rendition]) -> None:
        self._post = post
        self._renditions = {each.key: each for each in renditions}
        self._looked_at = float("-inf")

    @property
    def keys(self) -> list[str]:
        """The objects that the campaign's requests name."""
        return list(self._renditions)

    def keep(self) -> None:
        """Look at each object again when the last look is some seconds old; renew or restore what needs it.

        What was restored, or has another URL than before, is fetched over it before anything more leaves.
        """
        if not self._renditions or time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        lifecycle_days = self._post.store.lifecycle_days()
        for rendition in self._renditions.values():
            _keep_lease(self._post, rendition, lifecycle_days)
            verify_once(self._post, rendition)
        self._looked_at = time.monotonic()


def keep_posters(post: Postcard, asset_ids: Iterable[str]) -> None:
    """Have the stills that our pages show of clips outlast the messages, too; one that is lost is made again.

    No message links to one: whatever is in the way is logged, and stops nothing.
    """
    with post.database.read() as connection:
        posters = [each for each in renditions_of(connection, asset_ids) if each.profile == POSTER]
    lifecycle_days = post.store.lifecycle_days() if posters else None
    for poster in posters:
        try:
            _keep_lease(post, poster, lifecycle_days)
        except PostcardError as error:
            log_error("poster not kept", error, asset=poster.asset_id)


def _end_of(stored: Stored, lifecycle_days: int | None) -> datetime | None:
    """Tell when the object goes: as the store says, else by the bucket's rules."""
    return stored.expires_at or available_until(stored.stored_at, lifecycle_days)


def _keep_lease(post: Postcard, rendition: Rendition, lifecycle_days: int | None) -> None:
    """Have one object outlive the lease of a request that leaves now.

    Raises:
        StoreMisconfigured: the bucket's rules remove it too early even when it is renewed.
    """
    with post.database.read() as connection:
        now = post.database.now(connection)
    try:
        stored = post.store.describe(rendition.key)
    except NotFound:
        stored = _restore(post, rendition)
    minimum_days = post.settings.lease.minimum_days
    if needs_renewal(_end_of(stored, lifecycle_days), now, minimum_days):
        stored = _renew_once(
            post, rendition, lambda found: not needs_renewal(_end_of(found, lifecycle_days), now, minimum_days)
        )
        _take_back(post, stored)
        if needs_renewal(end := _end_of(stored, lifecycle_days), now, minimum_days):
            raise StoreMisconfigured(
                f"A hosted picture goes on {end:%Y-%m-%d}, also after it was renewed, but a message may need it for "
                f"{minimum_days} days: some rule of the bucket is too short. Lengthen it, or set "
                "POSTCARD_LEASE_LIFECYCLE_DAYS and run `postcard bucket apply`.",
                key=rendition.key,
                available_until=end.isoformat() if end else None,
                minimum_days=minimum_days,
            )
    if rendition.object is None or rendition.object.stored_at != stored.stored_at:
        with post.change() as change:
            settle_object(change.connection, stored)


def _renew_once(post: Postcard, rendition: Rendition, lasts: Callable[[Stored], bool]) -> Stored:
    """Renew an object, unless another worker is at it: then wait for what that makes of it. One copy for all."""
    name, holder = f"renew:{rendition.sha256}", new_id("job")
    while True:
        with post.change() as change:
            mine = take_lock(change.connection, name, holder, at=change.at, seconds=RENEW_SECONDS)
        try:
            stored = post.store.describe(rendition.key)
            if mine and not lasts(stored):
                stored = post.store.renew(rendition.key)
                log.info("lease renewed", key=rendition.key, stored_at=stored.stored_at.isoformat())
            if mine or lasts(stored):
                return stored
        finally:
            if mine:
                with post.change() as change:
                    drop_lock(change.connection, name, holder)
        time.sleep(WAIT_SECONDS)


def _take_back(post: Postcard, renewed: Stored) -> None:
    """Have a renewed object deleted again if nothing refers to it any more: its deletion did not see this copy."""
    with post.change() as change:
        if discard_object(
            change.connection,
            renewed.key,
            sha256=renewed.sha256,
            content_type=renewed.content_type,
            size=renewed.bytes,
            at=change.at,
        ):
            change.job("delete_objects", "all")


def _restore(post: Postcard, rendition: Rendition) -> Stored:
    """Make a lost object again from its original; the same bytes come back under the same address.

    Raises:
        StoreMisconfigured: this version fits the original to other bytes, so the old address cannot be filled; the next
            start makes the rendition anew.
    """
    with post.database.read() as connection:
        source = rendition_of_object(connection, rendition.key) or rendition
        asset = get_asset(connection, source.asset_id)
    with TemporaryDirectory(dir=post.spool_dir, prefix="restore-") as folder:
        fitted = fit_original(
            post,
            asset,
            source.budget,
            Path(folder),
            source.choice,
            fast=source.fast,
            for_pages=source.profile == POSTER,
        )
        if fitted.sha256 != rendition.sha256:
            with post.change() as change:
                lose_object(change.connection, rendition.key)
            raise StoreMisconfigured(
                "A hosted picture is gone from the bucket and cannot be made again byte for byte. Start the campaign again: "
                "what has not left links to a new one then.",
                key=rendition.key,
            )
        stored = post.store.put_media(fitted.path, sha256=fitted.sha256, content_type=fitted.content_type)
    settle_put(post, asset, stored)
    log.warning("restored a lost object from its original", key=rendition.key)
    return stored


def verify_once(post: Postcard, rendition: Rendition) -> None:
    """Fetch an object over its public URL as OpenMarket will, before its first send; the result is kept for that URL.

    Raises:
        MediaUnreachable: with what was wrong and what to do.
    """
    url = post.store.url_of(rendition.key)
    with post.database.read() as connection:
        row = find_object(connection, rendition.key)
    verified = (row.verified if row else None) or {}
    if verified.get("ok") and _unsigned(str(verified.get("url"))) == _unsigned(url):
        return
    failure: MediaUnreachable | None = None
    try:
        result = verify_public(
            url,
            sha256=rendition.sha256,
            content_type=rendition.content_type,
            bytes=rendition.bytes,
            minimum_cache_seconds=MINIMUM_CACHE_SECONDS,
            connect_seconds=post.settings.s3.connect_seconds,
            read_seconds=post.settings.s3.read_seconds,
        )
    except MediaUnreachable as error:
        failure = error
        result = {"ok": False, "detail": error.detail, **error.facts}
    with post.change() as change:
        settle_verification(change.connection, rendition.key, result, change.at)
    if failure is not None:
        raise failure


def _unsigned(url: str) -> tuple[str, bool]:
    """Tell the URL without its signature, which differs each time, and whether it has one."""
    address, question, _ = url.partition("?")
    return address, bool(question)


def lease_of(
    objects: Iterable[HostedObject], *, lifecycle_days: int | None, minimum_days: int
) -> tuple[datetime | None, datetime | None]:
    """Tell until when objects are surely there (``available_until``) and may not be deleted (``held_until``).

    Each is None when nothing limits it: no rule removes the object, or no request named it yet.
    """
    ends = [available_until(each.stored_at, lifecycle_days) for each in objects if each.stored_at]
    holds = [held_until(each.last_requested_at, minimum_days) for each in objects if each.last_requested_at]
    return min((end for end in ends if end), default=None), max(holds, default=None)
