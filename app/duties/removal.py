"""Deleting an asset: refused while a lease or an unfinished campaign needs it; at once otherwise."""

from app.duties.leases import lease_of
from app.duties.postcard import Postcard
from app.errors import StillHeld
from app.records.assets import get_asset, mark_asset_deleted, unfinished_campaigns_of
from app.records.objects import forget_object, objects_being_deleted, objects_of_asset, release_objects
from app.records.takedowns import lock_asset


def remove_asset(post: Postcard, asset_id: str) -> None:
    """Delete an asset with its original and the renditions that no other asset shares.

    The rows are released first, in one transaction with the checks; then the bytes go. A crash in between leaves objects in
    state *deleting*, which the sweeper finishes.

    Raises:
        StillHeld: with ``held_until`` or the ids of the campaigns.
    """
    with post.change() as change:
        # First the asset, then its objects: the order in which hosting and takedown lock them.
        lock_asset(change.connection, asset_id)
        asset = get_asset(change.connection, asset_id)
        campaigns = unfinished_campaigns_of(change.connection, asset_id)
        if campaigns:
            raise StillHeld("An unfinished campaign or a draft needs this asset.", campaigns=campaigns)
        _, held = lease_of(
            objects_of_asset(change.connection, asset_id),
            lifecycle_days=None,
            minimum_days=post.settings.lease.minimum_days,
        )
        if held is not None and held > change.at:
            raise StillHeld(
                f"Messages that link to this asset may still be fetched until {held:%Y-%m-%d %H:%M} UTC.",
                held_until=held.isoformat(),
            )
        release_objects(change.connection, asset_id)
        mark_asset_deleted(change.connection, asset_id, change.at)
        change.job("delete_objects", "all")
    post.store.delete(asset.original_key)
    finish_deletions(post)


def finish_deletions(post: Postcard) -> None:
    """Delete the bytes of everything that is marked *deleting*, in the bucket and in the CDN, then forget the rows."""
    with post.database.read() as connection:
        keys = objects_being_deleted(connection)
    for key in keys:
        post.store.delete(key)
        post.store.uncache([key])
        with post.change() as change:
            forget_object(change.connection, key)
