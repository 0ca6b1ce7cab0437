"""Once a day the rows are compared with the bucket, both ways: what lies there that no row knows, and what is missing."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.duties.postcard import Postcard
from app.duties.takedown import erase_object
from app.errors import NotFound
from app.host.lease import available_until, held_until
from app.model.media import HostedObject, ObjectState
from app.model.ports import Listed, Store
from app.records.assets import original_keys
from app.records.database import Database
from app.records.objects import all_objects
from app.records.takedowns import blocked_hashes
from app.settings import Settings
from app.telemetry import log

DAY = timedelta(days=1)
"""An object younger than this may be on its way: its bytes are put before or after its row."""
TOLD = 20
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")
"""The smallest valid GIF: what `postcard check` hosts to fetch it again. No row knows it, on purpose."""
PIXEL_SHA256 = hashlib.sha256(PIXEL).hexdigest()


@dataclass(frozen=True)
class Reconciled:
    """What differs, as keys.

    Attributes:
        orphans: in the bucket for a day or more, and in no row, or in one whose deletion has not ended.
        losses: hosted media that should be there and are not; a send restores them from their originals.
        lost_originals: uploads that should be there and are not.
        came_back: taken down, and in the bucket all the same.
        expired: how many hosted objects the bucket's rule removed when nothing held them any more, as it should.
    """

    orphans: tuple[str, ...]
    losses: tuple[str, ...]
    lost_originals: tuple[str, ...]
    came_back: tuple[str, ...]
    expired: int


def reconcile(post: Postcard) -> Reconciled:
    """Compare rows with the bucket, log and count what differs, and erase what was taken down and is there again.

    Nothing else is changed: an orphan is for a person to judge, a loss is restored by the next send that needs it.
    """
    result = compare(post.settings, post.database, post.store)
    for key in result.came_back:
        erase_object(post, key)
    _tell(result)
    return result


def compare(settings: Settings, database: Database, store: Store) -> Reconciled:
    """Find what differs, and change nothing.

    Cost: one list request for each 1,000 keys, and one more for each loss; all keys in memory.
    """
    prefixes = (settings.s3.media_prefix, settings.s3.originals_prefix)
    listed = {each.key: each for prefix in prefixes for each in store.list_keys(prefix)}
    with database.read() as connection:
        now = database.now(connection)
        # What is being deleted accounts for nothing: as long as its bytes are there, they should not be.
        hosted = {each.key: each for each in all_objects(connection) if each.state is not ObjectState.DELETING}
        originals = original_keys(connection)
        blocked = blocked_hashes(connection)
    came_back = [key for key in listed if key not in hosted and _hash_of(key) in blocked]
    missing = [each for key, each in hosted.items() if key not in listed and each.state is ObjectState.HOSTED]
    days = store.lifecycle_days()
    expired = {each.key for each in missing if _may_be_gone(each, days, settings.lease.minimum_days, now)}
    due = (each.key for each in missing if each.key not in expired)
    due_originals = (
        key
        for key, since in originals.items()
        if key not in listed and not (settings.originals.days and since + settings.originals.days * DAY <= now)
    )
    return Reconciled(
        orphans=tuple(_orphans(listed.values(), {*hosted, *originals, *came_back}, now)),
        losses=tuple(_really_missing(store, due)),
        lost_originals=tuple(_really_missing(store, due_originals)),
        came_back=tuple(came_back),
        expired=len(expired),
    )


def _orphans(listed: Iterable[Listed], known: set[str], now: datetime) -> Iterator[str]:
    for each in listed:
        if each.key not in known and each.stored_at < now - DAY and _hash_of(each.key) != PIXEL_SHA256:
            yield each.key


def _hash_of(key: str) -> str:
    """Read the hash of a key that may be anything: somebody else's hand may have put it there."""
    return key.rpartition("/")[2].partition(".")[0]


def _may_be_gone(hosted: HostedObject, days: int | None, minimum_days: int, now: datetime) -> bool:
    """Tell whether the bucket's rule was to remove it by now (a day early counts), and no lease was in the way."""
    end = available_until(hosted.stored_at, days) if hosted.stored_at else now
    held = held_until(hosted.last_requested_at, minimum_days) if hosted.last_requested_at else now
    return end is not None and end - DAY <= now and held <= now


def _really_missing(store: Store, keys: Iterable[str]) -> Iterator[str]:
    """Look at each once more: it may have been put after the list was made."""
    for key in keys:
        try:
            store.describe(key)
        except NotFound:
            yield key


def _tell(result: Reconciled) -> None:
    facts = {
        "orphans": len(result.orphans),
        "losses": len(result.losses),
        "lost_originals": len(result.lost_originals),
        "came_back": len(result.came_back),
        "expired": result.expired,
    }
    if result.losses or result.lost_originals or result.came_back:
        keys = [*result.came_back, *result.losses, *result.lost_originals][:TOLD]
        log.error("rows and bucket differ", alarm=True, keys=keys, **facts)
    elif result.orphans:
        log.warning("the bucket holds what no row knows", keys=list(result.orphans[:TOLD]), **facts)
    else:
        log.info("rows and bucket agree", **facts)
