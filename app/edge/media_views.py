"""Assets and renditions to JSON: the API answers these, and the pages show them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from app.duties.choices import forms_of
from app.duties.fitting import POSTER
from app.duties.leases import lease_of
from app.edge.context import Edge
from app.edge.schemas.assets import AssetOut, FittingOut, OriginalOut, QualityOut, RenditionOut
from app.limits import budget_of, profiles
from app.model.media import Asset, AssetState, Choice, Facts, Form, Rendition
from app.records.choices import cut_to_json
from app.records.database import Connection
from app.records.fittings import Fitting, fittings_of
from app.records.objects import renditions_of

_FORM_WORDS = {
    Form.MP4: "as MP4",
    Form.THREE_GP: "as 3GP",
    Form.FIRST_FRAME: "as a still",
    Form.AAC: "as AAC",
    Form.AMR: "as AMR",
    Form.MP3: "as MP3",
}
_SSIM_WORDS = {
    "image/jpeg": "luma, of a sixteenth of the rows, against the upright original scaled to the same pixels",
    "image/png": "luma, against the upright original scaled to the same pixels",
    "image/gif": "luma, mean of some frames, against what the original shows at that time, scaled to the same pixels",
    "video/mp4": "luma, mean of the frames, against the original scaled to the same pixels and rate",
    "video/3gpp": "luma, mean of the frames, against the original scaled to the same pixels and rate",
}


def reason_of(rendition: Rendition) -> str:
    """Say what sets a rendition apart from the others of its asset."""
    usual = budget_of(profiles()[rendition.profile]) if rendition.profile in profiles() else rendition.budget
    own_side = rendition.budget.side_pixels != usual.side_pixels
    words = [
        _FORM_WORDS.get(rendition.choice.form, ""),
        _cut_words(rendition.choice),
        f"at most {rendition.budget.side_pixels} pixels, as its operator wants" if own_side else "",
        "beside other parts" if rendition.budget.max_bytes < usual.max_bytes else "",
    ]
    return ", ".join(filter(None, words)) or "alone in its message"


def _cut_words(choice: Choice) -> str:
    if not choice.seconds:
        return f"from {choice.start:g} s on" if choice.start else ""
    return f"{choice.seconds:g} s from {choice.start:g} s on" if choice.start else f"first {choice.seconds:g} s"


def rendition_out(edge: Edge, rendition: Rendition, facts: Facts) -> RenditionOut:
    """Show a rendition with its lease, beside the ``facts`` of its original."""
    hosted = [rendition.object] if rendition.object else []
    available, held = lease_of(
        hosted, lifecycle_days=edge.lifecycle_days(), minimum_days=edge.post.settings.lease.minimum_days
    )
    stands, link = rendition.object, edge.post.store.link_to(rendition.key)
    return RenditionOut(
        id=rendition.id,
        profile=rendition.profile,
        **{"as": rendition.choice.form},
        cut=cut_to_json(rendition.choice),
        reason=reason_of(rendition),
        url=link.url,
        url_expires_at=link.expires_at,
        content_type=rendition.content_type,
        bytes=rendition.bytes,
        width=rendition.width,
        height=rendition.height,
        sha256=rendition.sha256,
        budget_bytes=rendition.budget.max_bytes,
        side_pixels=rendition.budget.side_pixels,
        given_up=list(rendition.given_up),
        untouched=rendition.untouched,
        original=OriginalOut(**{name: getattr(facts, name) for name in OriginalOut.model_fields}),
        quality=_quality_out(rendition, facts),
        created_at=rendition.created_at,
        stored_at=stands.stored_at if stands else None,
        last_requested_at=stands.last_requested_at if stands else None,
        available_until=available,
        held_until=held,
        verified_at=stands.verified_at if stands else None,
        verified=stands.verified if stands else None,
    )


def _quality_out(rendition: Rendition, facts: Facts) -> QualityOut:
    quality = rendition.quality
    shown = {name: value for name, value in asdict(quality).items() if name in QualityOut.model_fields}
    return QualityOut(
        **shown,
        setting="fast" if rendition.fast else "best",
        ssim_against=_ssim_words(rendition),
        fps_in=round(facts.frames / facts.seconds, 2) if facts.seconds and facts.width else 0.0,
        fps_out=round(quality.frames_out / quality.seconds, 2) if quality.seconds and rendition.width else 0.0,
    )


def _ssim_words(rendition: Rendition) -> str:
    """Say which SSIM it is and what it compares with, or why there is none."""
    if rendition.quality.ssim is not None:
        return _SSIM_WORDS[rendition.content_type]
    if not rendition.width:
        return "none: it compares pictures"
    return "none was measured" if rendition.quality.encodes else "none: no pixel was encoded anew"


def assets_out(edge: Edge, connection: Connection, assets: Sequence[Asset]) -> list[AssetOut]:
    """Show assets with their renditions and what is being made of them; three queries however many they are."""
    ids = [asset.id for asset in assets]
    made: dict[str, list[Rendition]] = defaultdict(list)
    for rendition in renditions_of(connection, ids):
        made[rendition.asset_id].append(rendition)
    making: dict[str, list[Fitting]] = defaultdict(list)
    for fitting in fittings_of(connection, ids, at=edge.post.database.now(connection)):
        making[fitting.asset_id].append(fitting)
    return [_asset_out(edge, asset, made[asset.id], making[asset.id]) for asset in assets]


def posters_out(edge: Edge, connection: Connection, asset_ids: Iterable[str]) -> dict[str, str]:
    """Tell where the stills of these assets are, by asset; only clips have one."""
    return {
        each.asset_id: edge.post.store.url_of(each.key)
        for each in renditions_of(connection, asset_ids)
        if each.profile == POSTER
    }


def _asset_out(edge: Edge, asset: Asset, made: Sequence[Rendition], making: Sequence[Fitting]) -> AssetOut:
    facts = asset.facts
    renditions = [rendition_out(edge, each, facts) for each in made if each.profile != POSTER]
    posters = [edge.post.store.url_of(each.key) for each in made if each.profile == POSTER]
    return AssetOut(
        id=asset.id,
        sha256=asset.sha256,
        filename=asset.filename,
        other_names=list(asset.other_names),
        content_type=facts.content_type,
        bytes=facts.bytes,
        width=facts.width,
        height=facts.height,
        kind=facts.kind.value,
        forms=forms_of(asset),
        frames=facts.frames,
        seconds=facts.seconds,
        has_location=facts.has_location,
        created_at=asset.created_at,
        created_by=asset.created_by,
        state=asset.state.value,
        progress=_progress(asset, making),
        fittings=[_fitting_out(each) for each in making],
        failure=asset.failure,
        poster_url=posters[0] if posters else None,
        last_requested_at=max((each.last_requested_at for each in renditions if each.last_requested_at), default=None),
        available_until=min((each.available_until for each in renditions if each.available_until), default=None),
        held_until=max((each.held_until for each in renditions if each.held_until), default=None),
        renditions=renditions,
    )


def _progress(asset: Asset, making: Sequence[Fitting]) -> float | None:
    """Tell how far the fitting is that somebody waits for; it begins at 0 while it waits for its turn."""
    shares = [each.progress for each in making if each.profile != POSTER]
    if asset.state is AssetState.FITTING:
        return max(shares, default=0.0)
    return min(shares, default=None)


def _fitting_out(fitting: Fitting) -> FittingOut:
    return FittingOut(
        profile=fitting.profile,
        **{"as": fitting.choice.form},
        cut=cut_to_json(fitting.choice),
        progress=fitting.progress,
        started_at=fitting.started_at,
    )
