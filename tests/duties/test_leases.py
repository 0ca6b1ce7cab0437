"""What a campaign links to is kept, or the campaign does not send."""

from dataclasses import replace

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.leases import LeaseKeeper
from app.duties.postcard import Postcard
from app.errors import StoreMisconfigured
from app.model.messages import AssetPart
from app.model.status import CampaignState
from app.records.objects import renditions_of
from tests.media.pictures import phone_photo
from tests.path import campaign_of, upload, work_off

TO = "12515550130"


def _with_minimum(post: Postcard, days: int) -> Postcard:
    return replace(post, settings=replace(post.settings, lease=replace(post.settings.lease, minimum_days=days)))


def test_an_object_that_goes_too_early_even_when_renewed_stops_the_send(post: Postcard) -> None:
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    with post.database.read() as connection:
        renditions = renditions_of(connection, [asset.id])
    LeaseKeeper(post, renditions).keep()
    # The bucket's rule says 30 days: no renewal makes an object stay for 60.
    with pytest.raises(StoreMisconfigured) as caught:
        LeaseKeeper(_with_minimum(post, 60), renditions).keep()
    assert "POSTCARD_LEASE_LIFECYCLE_DAYS" in caught.value.detail
    assert caught.value.facts["minimum_days"] == 60


def test_a_campaign_whose_media_would_go_too_early_pauses_and_says_why(post: Postcard) -> None:
    asset = upload(post, phone_photo(800, 600))
    work_off(post)
    longer = _with_minimum(post, 60)
    campaign = create_campaign(longer, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    work_off(longer)
    paused = campaign_of(post, campaign.id)
    assert paused.state is CampaignState.PAUSED
    assert "POSTCARD_LEASE_LIFECYCLE_DAYS" in paused.pause_reason
