"""The message of a campaign for each profile and sender: its renditions, its bytes, and proof that the whole fits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.compose.mime import Composed, check_fits, compose_message
from app.duties.choices import require_choosable
from app.duties.media import host_rendition
from app.duties.postcard import Postcard
from app.errors import MessageTooLarge, Rejected
from app.fit.share import measure_need, share_budget
from app.limits import RESERVED_BYTES, budget_of
from app.model.media import Asset, Budget, Choice, Profile, Rendition
from app.model.messages import AssetPart, LinkPart, Part, SendablePart, Sender, TextPart
from app.records.assets import get_asset


@dataclass(frozen=True)
class PlannedMedia:
    """One piece of media in a message: what it is made from, what goes out, and how many bytes it may have here."""

    asset: Asset
    rendition: Rendition
    share_bytes: int


@dataclass(frozen=True)
class Plan:
    """What goes out to everybody of one limit: the parts in display order, and what stands behind each link, in that order.

    ``profile`` has the operator's own side where there is one; ``room_bytes`` is what all media may have together.
    """

    profile: Profile
    parts: tuple[SendablePart, ...]
    media: tuple[PlannedMedia, ...]
    room_bytes: int

    @property
    def renditions(self) -> list[Rendition]:
        """What the parts link to."""
        return [each.rendition for each in self.media]

    @property
    def keys(self) -> tuple[str, ...]:
        """The objects that a request made from this plan names."""
        return tuple(dict.fromkeys(rendition.key for rendition in self.renditions))

    def signed_anew(self, post: Postcard) -> "Plan":
        """Lay out the same message with links that were signed now."""
        fresh = (link_to(post, rendition) for rendition in self.renditions)
        parts = tuple(next(fresh) if isinstance(part, LinkPart) else part for part in self.parts)
        return replace(self, parts=parts)

    def compose(self, *, subject: str, sender: Sender) -> Composed:
        """Compile the message for one sender; the whole of it is within the profile."""
        composed = compose_message(self.parts, subject=subject, source=sender.source, mt_config=sender.mt_config)
        check_fits(composed, self.profile)
        return composed


def room_for_media(profile: Profile, parts: Sequence[Part], subject: str) -> int:
    """Tell how many bytes of a message its media may have together.

    What text and headers really take, but never less than RESERVED_BYTES, is kept free.

    Raises:
        MessageTooLarge: the text alone leaves no room.
    """
    media = sum(isinstance(part, AssetPart) for part in parts)
    text_bytes = sum(_sent_bytes(part.text) + 200 for part in parts if isinstance(part, TextPart))
    text_bytes += len(json.dumps(subject))
    kept = max(RESERVED_BYTES, text_bytes + 1_000 + 400 * media)
    room = profile.max_bytes - kept
    if room < 1_000 * media or room < 0:
        raise MessageTooLarge(
            f"The text alone takes {text_bytes:,} bytes of the {profile.max_bytes:,} that {profile.name} allows.",
            limit_bytes=profile.max_bytes,
            message_bytes=kept,
        )
    return room


def _sent_bytes(text: str) -> int:
    """Tell how many bytes a text is at most, once each of its line breaks is two characters."""
    return len(text.encode()) + text.count("\n") + text.count("\r")


def plan_message(post: Postcard, parts: Sequence[Part], profile: Profile, *, subject: str) -> Plan:
    """Fit and host what a message needs for one limit, and lay out its parts.

    Each piece of media is fitted as if it had the message to itself; that tells what it needs. What comes out within its
    share goes out as it is, the others are fitted to their shares. Made again, it is the same.
    """
    room = room_for_media(profile, parts, subject)
    wanted = [part for part in parts if isinstance(part, AssetPart)]
    places = [f"parts.{at}" for at, part in enumerate(parts) if isinstance(part, AssetPart)]
    with post.database.read() as connection:
        assets = [get_asset(connection, part.asset_id) for part in wanted]
    for asset, part, place in zip(assets, wanted, places, strict=True):
        require_choosable(asset, part.choice, place=f"{place}.")
    alone = [
        _hosted(post, asset, profile.name, budget_of(profile), part.choice, place)
        for asset, part, place in zip(assets, wanted, places, strict=True)
    ]
    shares = share_budget(room, [measure_need(made, asset.facts) for made, asset in zip(alone, assets, strict=True)])
    media = []
    for asset, part, place, made, share in zip(assets, wanted, places, alone, shares, strict=True):
        fits = made.bytes <= share
        budget = Budget(share, profile.side_pixels)
        rendition = made if fits else _hosted(post, asset, profile.name, budget, part.choice, place)
        media.append(PlannedMedia(asset, rendition, share))
    hosted = iter(media)
    sendable = tuple(part if isinstance(part, TextPart) else link_to(post, next(hosted).rendition) for part in parts)
    return Plan(profile, sendable, tuple(media), room)


def _hosted(post: Postcard, asset: Asset, profile: str, budget: Budget, choice: Choice, place: str) -> Rendition:
    """Fit and host one part.

    Raises:
        Rejected: it cannot become that; ``field`` is its place among the parts.
    """
    try:
        return host_rendition(post, asset, profile, budget, choice)
    except Rejected as error:
        error.facts.setdefault("field", place)
        raise


def link_to(post: Postcard, rendition: Rendition) -> LinkPart:
    """Make the linked part of a rendition."""
    return LinkPart(post.store.url_of(rendition.key), rendition.content_type, rendition.bytes)
