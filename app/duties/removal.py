"""Deleting an asset: refused while a lease or an unfinished campaign needs it; at once otherwise."""

from app.duties.leases import lease_of
from app.duties.postcard import Postcard
from app.errors import PostcardError, StillHeld, StoreUnavailable
from app.records.assets import get_asset, mark_asset_deleted, unfinished_campaigns_of
from app.records.objects import (
    discard_object,
    forget_object,
    objects_being_deleted,
    objects_of_asset,
    release_objects,
)
from app.records.takedowns import lock_assets
from app.telemetry import log_error


def remove_asset(post: Postcard, asset_id: str) -> None:
    """Delete an asset with its original and the renditions that no other asset shares.

    The rows are released first, in one transaction with the checks; then the bytes go, the original among them. What a crash
    or the store leaves undone stands in state *deleting*, and the worker goes on until it is done.

    Raises:
        StillHeld: with ``held_until`` (None = no lease holds it) and the ids of the ``campaigns`` that need it.
    """
    with post.change() as change:
        # First the asset, then its objects: the order in which hosting and takedown lock them.
        lock_assets(change.connection, [asset_id])
        asset = get_asset(change.connection, asset_id)
        campaigns = unfinished_campaigns_of(change.connection, asset_id)
        _, held = lease_of(
            objects_of_asset(change.connection, asset_id),
            lifecycle_days=None,
            minimum_days=post.settings.lease.minimum_days,
        )
        leased = held if held is not None and held > change.at else None
        until = leased.isoformat() if leased else None
        if campaigns:
            words = "An unfinished campaign or a draft needs this asset."
            raise StillHeld(words, campaigns=campaigns, held_until=until)
        if leased:
            words = f"Messages that link to this asset may still be fetched until {leased:%Y-%m-%d %H:%M} UTC."
            raise StillHeld(words, campaigns=[], held_until=until)
        release_objects(change.connection, asset_id)
        mark_asset_deleted(change.connection, asset_id, change.at)
        discard_object(
            change.connection,
            asset.original_key,
            sha256=asset.sha256,
            content_type=asset.facts.content_type,
            size=asset.facts.bytes,
            at=change.at,
        )
        change.job("delete_objects", "all")
    try:
        finish_deletions(post)
    except PostcardError as error:
        # The asset is deleted all the same: its rows are, and the job goes on with the bytes.
        log_error("not deleted yet; the worker tries again", error, asset=asset_id)


def finish_deletions(post: Postcard) -> None:
    """Delete the bytes of everything that is marked *deleting*, in the bucket and in the CDN, then forget the rows.

    All goes with its versions: deleted is deleted, also in a bucket that keeps old versions, and a takedown that comes after
    the deletion knows no keys any more that it could erase. One that cannot be deleted does not keep the others.

    Raises:
        PostcardError: something could not be deleted; do it again.
        StoreUnavailable: the rest was not tried.
    """
    with post.database.read() as connection:
        doomed = objects_being_deleted(connection)
    failure: PostcardError | None = None
    for each in doomed:
        try:
            post.store.erase(each.key)
            if each.key.startswith(post.settings.s3.media_prefix):
                post.store.uncache([each.key])
        except StoreUnavailable:
            raise
        except PostcardError as error:
            failure = error
            continue
        with post.change() as change:
            forget_object(change.connection, each)
    if failure is not None:
        raise failure
