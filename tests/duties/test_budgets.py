"""The parts of a message share its room by what they were measured to need; the whole is never over."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.compose.mime import compose_message
from app.duties.campaigns import Order, create_campaign
from app.duties.plan import Plan, plan_message, room_for_media
from app.duties.postcard import Postcard
from app.duties.preview import preview_campaign
from app.errors import MessageTooLarge
from app.limits import limit_named, profiles
from app.model.media import Choice, Form, Profile
from app.model.messages import AssetPart, LinkPart, Part, TextPart
from app.model.status import CampaignState
from app.pipeline import ready_campaign
from app.records.messages import limits_of
from app.records.objects import renditions_of
from app.records.senders import active_senders, edit_operator
from tests.media.clips import clip
from tests.media.pictures import phone_photo, photograph, save
from tests.path import campaign_of, messages_of, upload, work_off
from tests.servers.sandbox import RunningSandbox

UNIVERSAL = limit_named("universal")
PLAIN = save(photograph(2400, 1800, seed=1, grain=0.01), "JPEG", quality=92)
BUSY = save(photograph(2400, 1800, seed=2, grain=0.03), "JPEG", quality=92)
SMALL = save(photograph(320, 240, seed=3), "JPEG", quality=85)


def planned(post: Postcard, *contents: bytes, text: str = "") -> Plan:
    parts: list[Part] = [AssetPart(upload(post, content).id) for content in contents]
    plan = plan_message(post, [*parts, TextPart(text)] if text else parts, UNIVERSAL, subject="Two")
    with post.database.read() as connection:
        sender = active_senders(connection)["US"]
    composed = plan.compose(subject="Two", sender=sender)
    assert composed.message_bytes <= UNIVERSAL.max_bytes
    assert sum(each.share_bytes for each in plan.media) <= plan.room_bytes
    assert all(each.rendition.bytes <= each.share_bytes for each in plan.media)
    return plan


def test_a_small_part_stays_whole_and_the_other_has_the_rest(post: Postcard) -> None:
    small, busy = planned(post, SMALL, BUSY).media
    assert small.rendition.untouched
    assert small.share_bytes == len(SMALL)
    assert busy.share_bytes >= 285_000 - len(SMALL)
    assert busy.rendition.bytes >= 0.94 * busy.share_bytes


def test_two_photographs_get_shares_by_need_and_end_at_comparable_quality(post: Postcard) -> None:
    plain, busy = planned(post, PLAIN, BUSY).media
    assert busy.share_bytes > 1.5 * plain.share_bytes
    even = [each.rendition.quality.encoder_quality for each in (plain, busy)]
    assert abs(even[0] - even[1]) <= 15, even
    # Divided by count, at the same side, the busy one would be far behind.
    half = replace(UNIVERSAL, max_bytes=UNIVERSAL.max_bytes // 2)
    by_count = [
        plan_message(post, [AssetPart(each.asset.id)], half, subject="").renditions[0].quality.encoder_quality
        for each in (plain, busy)
    ]
    assert abs(by_count[0] - by_count[1]) > abs(even[0] - even[1])


def test_the_length_of_the_originals_does_not_matter(post: Postcard) -> None:
    """The same picture, kept by its camera in four times the bytes, gets no larger share."""
    picture = photograph(2400, 1800, seed=5, grain=0.03)
    short, long = (save(picture, "JPEG", quality=quality) for quality in (88, 99))
    assert len(long) > 2 * len(short)
    first, second = planned(post, short, long).media
    assert first.share_bytes == pytest.approx(second.share_bytes, rel=0.1)


def test_four_parts_and_a_long_text_are_never_over(post: Postcard) -> None:
    plan = planned(post, PLAIN, BUSY, SMALL, phone_photo(1600, 1200, seed=9), text="Half price. " * 400)
    assert len(plan.media) == 4
    assert plan.room_bytes < 285_904
    with pytest.raises(MessageTooLarge):
        plan_message(post, [AssetPart(plan.media[0].asset.id), TextPart("x" * 289_000)], UNIVERSAL, subject="")


TEXTS = st.text(st.sampled_from("a\n\ré😀"), min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@example(texts=["a\n" * 2_400], media=1, subject="", profile=UNIVERSAL)
@example(texts=["a" * 3_000], media=1, subject="😀" * 255, profile=UNIVERSAL)
@given(
    texts=st.lists(TEXTS.map(lambda text: text * 20), max_size=5),
    media=st.integers(1, 12),
    subject=st.just("") | st.text('a"é😀', min_size=1, max_size=255),
    profile=st.sampled_from(list(profiles().values())),
)
def test_media_that_take_all_of_their_room_never_make_a_message_too_large(
    texts: list[str], media: int, subject: str, profile: Profile
) -> None:
    """A line break is sent as two bytes, a letter of the subject as up to twelve in JSON."""
    parts: list[Part] = [*map(TextPart, texts), *[AssetPart("ast_any")] * media]
    each_bytes = room_for_media(profile, parts, subject) // media
    link = LinkPart("https://media.example/m/" + "0" * 90, "image/jpeg", each_bytes)
    sendable = [part if isinstance(part, TextPart) else link for part in parts]
    composed = compose_message(sendable, subject=subject, source="9" * 15, mt_config="c" * 100)
    assert composed.message_bytes <= profile.max_bytes


def test_made_again_it_is_the_same_and_nothing_new_is_made(post: Postcard) -> None:
    first = planned(post, PLAIN, BUSY)
    with post.database.read() as connection:
        before = len(renditions_of(connection, [each.asset.id for each in first.media]))
    again = planned(post, PLAIN, BUSY)
    assert [each.rendition.id for each in again.media] == [each.rendition.id for each in first.media]
    with post.database.read() as connection:
        assert len(renditions_of(connection, [each.asset.id for each in first.media])) == before


def test_the_rendition_follows_the_side_that_an_operator_wants(either: Postcard, sandbox: RunningSandbox) -> None:
    """Vodafone UK shows 1,024 pixels; in limits/operators.csv it has no id of OpenMarket, so an admin named it."""
    with either.change() as change:
        edit_operator(change.connection, "vodafone_gb", {"openmarket_id": 4711}, updated_by="test", at=change.at)
    asset = upload(either, phone_photo(2400, 1800))
    order = Order(
        parts=(AssetPart(asset.id),),
        recipients=["447700900765", {"number": "447700900766", "operator_id": 4711}],
    )
    previews = preview_campaign(either, order)
    assert [(each.plan.profile.name, each.plan.profile.side_pixels, each.recipients) for each in previews] == [
        ("universal", 1920, 1),
        ("universal", 1024, 1),
    ]
    assert [each.plan.renditions[0].width for each in previews] == [1920, 1024]
    campaign = create_campaign(either, order, created_by="test")
    work_off(either)
    assert campaign_of(either, campaign.id).state is CampaignState.FINISHED
    messages = messages_of(either, campaign.id)
    assert {number: (each.profile, each.side_pixels) for number, each in messages.items()} == {
        "447700900765": ("universal", 0),
        "447700900766": ("universal", 1024),
    }
    for preview, number in zip(previews, ("447700900765", "447700900766"), strict=True):
        assert preview.plan.renditions[0].sha256 in str(sandbox.messages(number)[-1])
    with either.database.read() as connection:
        assert limits_of(connection, campaign.id) == [("universal", 0), ("universal", 1024)]


@pytest.mark.parametrize(
    ("profile", "side", "reason"),
    [
        ("universal", 1024, "This limit was chosen for everybody, within the 1,024 pixels that the operators of these"),
        ("urgent", 1024, "This limit was chosen for everybody."),
        ("auto", 1024, "What the operators of these numbers (GB) take from a virtual mobile number"),
    ],
)
def test_an_operators_own_side_holds_with_a_profile_chosen_for_everybody(
    post: Postcard, profile: str, side: int, reason: str
) -> None:
    with post.change() as change:
        edit_operator(change.connection, "vodafone_gb", {"openmarket_id": 4711}, updated_by="test", at=change.at)
    part = AssetPart(upload(post, phone_photo(2400, 1800)).id)
    known, others = {"number": "447700900766", "operator_id": 4711}, "447700900765"
    *_, theirs = preview_campaign(post, Order(parts=(part,), recipients=[known, others], profile=profile))
    assert (theirs.plan.profile.side_pixels, theirs.plan.renditions[0].width) == (side, side)
    assert theirs.reason.startswith(reason)
    order = Order(parts=(part,), recipients=[known], profile=profile, start=False)
    campaign = create_campaign(post, order, created_by="test")
    own_side = 0 if profile == "urgent" else side
    assert {each.side_pixels for each in messages_of(post, campaign.id).values()} == {own_side}


@pytest.mark.parametrize(("profile", "expected"), [("auto", ("universal", 1920)), ("large", ("large", 1920))])
def test_an_operator_of_another_country_says_nothing_about_a_number(
    post: Postcard, profile: str, expected: tuple[str, int]
) -> None:
    """383 is AT&T in the US: a number of the UK is not sent its 590,000 bytes, nor one of nobody knows whose operator."""
    for operator_id in (383, 123_456):
        recipient = {"number": "447700900766", "operator_id": operator_id}
        order = Order(parts=(TextPart("Hello"),), recipients=[recipient], profile=profile)
        (only,) = preview_campaign(post, order)
        assert (only.plan.profile.name, only.plan.profile.side_pixels) == expected


def test_of_two_operators_with_one_id_the_least_holds(post: Postcard) -> None:
    with post.change() as change:
        small = {"openmarket_id": 4711, "profile_by_kind": {"virtual_mobile": "urgent"}, "side_pixels": 640}
        edit_operator(change.connection, "bt_gb", small, updated_by="test", at=change.at)
        edit_operator(change.connection, "o2_gb", {"openmarket_id": 4711}, updated_by="test", at=change.at)
    recipient = {"number": "447700900766", "operator_id": 4711}
    for profile, expected in (("auto", ("urgent", 640)), ("max", ("max", 640))):
        (only,) = preview_campaign(post, Order(parts=(TextPart("Hi"),), recipients=[recipient], profile=profile))
        assert (only.plan.profile.name, only.plan.profile.side_pixels) == expected


def test_a_chosen_piece_is_planned_and_restored_as_it_was_chosen(post: Postcard) -> None:
    asset = upload(post, clip("piece.mp4", 4, size="160x90"), "piece.mp4")
    part = AssetPart(asset.id, Choice(Form.MP4, 1.0, 2.0))
    campaign = create_campaign(post, Order(parts=(part,), recipients=["12515550130"]), created_by="test")
    assert campaign_of(post, campaign.id).parts == (part,)
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    (rendition,) = ready_campaign(post, campaign.id).renditions
    assert rendition.choice == part.choice
    assert rendition.quality.seconds == pytest.approx(2, abs=0.2)

    # Gone from the bucket, it is made again from its original: the same piece, the same bytes, the same address.
    post.store.delete(rendition.key)
    again = create_campaign(post, Order(parts=(part,), recipients=["12515550131"]), created_by="test")
    work_off(post)
    assert campaign_of(post, again.id).state is CampaignState.FINISHED
    assert post.store.describe(rendition.key).sha256 == rendition.sha256
