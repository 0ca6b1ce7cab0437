"""The message of a campaign for each profile and sender: its renditions, its bytes, and proof that the whole fits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.compose.mime import Composed, check_fits, compose_message
from app.duties.media import host_rendition
from app.duties.postcard import Postcard
from app.errors import MessageTooLarge
from app.fit.share import share_budget
from app.limits import RESERVED_BYTES, profile_named
from app.model.media import Asset, Budget, Profile, Rendition
from app.model.messages import AssetPart, LinkPart, Part, SendablePart, Sender, TextPart
from app.records.assets import get_asset


@dataclass(frozen=True)
class Plan:
    """What goes out to everybody of one profile: the parts in display order, and the rendition behind each link."""

    profile: Profile
    parts: tuple[SendablePart, ...]
    renditions: tuple[Rendition, ...]

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


def budgets_for(profile: Profile, parts: Sequence[Part], assets: Sequence[Asset]) -> list[Budget]:
    """Divide a profile among the media of a message, in the order of ``assets``.

    What text and headers really take, but never less than RESERVED_BYTES, is kept free. A piece that is small already
    keeps its size; the others share the rest.

    Raises:
        MessageTooLarge: the text alone leaves no room.
    """
    text_bytes = sum(len(part.text.encode()) + 200 for part in parts if isinstance(part, TextPart))
    kept = max(RESERVED_BYTES, text_bytes + 1_000 + 400 * len(assets))
    room = profile.max_bytes - kept
    if room < 1_000 * len(assets) or room < 0:
        raise MessageTooLarge(
            f"The text alone takes {text_bytes:,} bytes of the {profile.max_bytes:,} that {profile.name} allows.",
            limit_bytes=profile.max_bytes,
            message_bytes=kept,
        )
    shares = share_budget(room, [asset.facts.bytes for asset in assets]) if len(assets) > 1 else [room] * len(assets)
    return [Budget(max_bytes=share, side_pixels=profile.side_pixels) for share in shares]


def plan_message(post: Postcard, parts: Sequence[Part], profile_name: str) -> Plan:
    """Fit and host what a message needs for one profile, and lay out its parts."""
    profile = profile_named(profile_name)
    with post.database.read() as connection:
        assets = [get_asset(connection, part.asset_id) for part in parts if isinstance(part, AssetPart)]
    budgets = budgets_for(profile, parts, assets)
    renditions = [host_rendition(post, asset, profile, budget) for asset, budget in zip(assets, budgets, strict=True)]
    hosted = iter(renditions)
    sendable = tuple(part if isinstance(part, TextPart) else link_to(post, next(hosted)) for part in parts)
    return Plan(profile, sendable, tuple(renditions))


def link_to(post: Postcard, rendition: Rendition) -> LinkPart:
    """Make the linked part of a rendition."""
    return LinkPart(post.store.url_of(rendition.key), rendition.content_type, rendition.bytes)
