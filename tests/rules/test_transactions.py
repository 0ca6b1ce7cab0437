"""No network call is made inside a write transaction: the path is walked with watchmen before store, gateway and decoders."""

from dataclasses import dataclass, replace
from typing import Any

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.duties.removal import remove_asset
from app.model.messages import AssetPart
from app.model.status import CampaignState
from app.records.database import Database
from tests.media.pictures import phone_photo
from tests.path import campaign_of, upload, work_off


@dataclass
class Watched:
    """Hands every call on, and remembers those that were made inside a write transaction."""

    behind: Any
    database: Database
    inside: list[str]

    def __getattr__(self, name: str) -> Any:
        if self.database.is_writing:
            self.inside.append(name)
        return getattr(self.behind, name)


def test_the_watchman_sees_a_call_inside_a_transaction(post: Postcard) -> None:
    watched = Watched(post.store, post.database, [])
    with post.database.write():
        _ = watched.lifecycle_days
    assert watched.inside == ["lifecycle_days"]


def test_no_network_call_is_made_inside_a_write_transaction(post: Postcard) -> None:
    inside: list[str] = []
    watched = replace(
        post,
        store=Watched(post.store, post.database, inside),
        decoders=Watched(post.decoders, post.database, inside),
        queue=Watched(post.queue, post.database, inside),
    )
    asset = upload(watched, phone_photo(1200, 900))
    campaign = create_campaign(
        watched, Order(parts=(AssetPart(asset.id),), recipients=["12515550130"]), created_by="test"
    )
    work_off(watched)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    spare = upload(watched, phone_photo(640, 480))
    work_off(watched)
    remove_asset(watched, spare.id)
    assert inside == []
