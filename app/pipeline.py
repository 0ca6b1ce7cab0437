"""THE PATH, in one read: upload -> probe -> fit -> host -> compose -> send -> report.

    accept_asset     upload, probe    an upload becomes an asset, or is refused with a reason
    make_rendition   fit, host        an asset becomes bytes at an address that OpenMarket can fetch; fit_asset: at once
    start_campaign   compose          everything a campaign needs is made, checked and kept; then it runs
    send_batch       send             one group of messages leaves, each at most once
    settle_report    report           what OpenMarket told us moves messages forward, never back

No network call is made inside a transaction; jobs are announced after the commit. What each step must keep to stands in
duties/.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.compose.mime import Composed
from app.duties.breaker import Breaker
from app.duties.callbacks import settle_batch
from app.duties.claims import Departures, pause
from app.duties.fitting import problem_of, settle_fitted, settle_unfitted
from app.duties.leases import LeaseKeeper, keep_posters, require_long_lifecycle
from app.duties.ledger import Ledger
from app.duties.media import find_known, host_poster, host_rendition, keep_upload
from app.duties.plan import Plan, plan_message
from app.duties.postcard import Postcard
from app.duties.recipients import require_unlocked, require_unlocked_campaign
from app.duties.uploads import spool_upload
from app.errors import GatewayUnavailable, Rejected
from app.limits import DEFAULT_PROFILE, budget_of, limit_named, profile_named
from app.model.media import WHOLE, Asset, AssetState, Choice, Rendition, Spooled
from app.model.messages import Campaign, Outgoing, Sender
from app.model.status import CampaignState, MessageState
from app.probe.media import probe_media
from app.records.assets import get_asset, settle_asset
from app.records.callbacks import Posted, add_callbacks, lock_callbacks, matched_callbacks, new_callbacks
from app.records.campaigns import finish_if_done, get_campaign, move_campaign
from app.records.jobs import Job
from app.records.messages import limits_of, numbers_of
from app.records.senders import senders_by_id, senders_of_campaign
from app.records.sending import Claimed
from app.records.takedowns import require_not_blocked
from app.records.uploads import get_upload, settle_upload
from app.report.callback import parse_callback
from app.telemetry import log

UNMATCHED = timedelta(hours=96)
"""So long a report whose mtId we do not know is looked at again; beyond the 72 hours that a message waits for one."""

Limit = tuple[str, int]


def accept_asset(post: Postcard, upload: Spooled, *, created_by: str) -> tuple[Asset, bool]:
    """Turn an upload into an asset: find out what it really is, keep the original, and have it fitted.

    Args:
        post: what the path works with.
        upload: the spooled bytes; the caller removes the file.
        created_by: who uploads, for the record.

    Returns:
        the asset, and whether it is new: the same bytes are one asset. Known bytes are not fitted or put again, unless
        their original is lost: then this upload mends it.
    """
    with post.database.read() as connection:
        require_not_blocked(connection, upload.sha256)
    known = find_known(post, upload)
    if known is not None:
        return _try_again(post, known), False
    facts = post.decoders.run(
        probe_media,
        upload.path,
        filename=upload.filename,
        declared_type=upload.declared_type,
        max_pixels=post.settings.upload.max_pixels,
    )
    asset, new = keep_upload(post, upload, facts, created_by=created_by)
    log.info("asset accepted", asset=asset.id, sha256=asset.sha256, content_type=facts.content_type, bytes=facts.bytes)
    return asset, new


def _try_again(post: Postcard, known: Asset) -> Asset:
    """Have an asset that failed fitted once more: what broke the decoder may have been the moment, not the file."""
    if known.state is not AssetState.FAILED:
        return known
    with post.change() as change:
        settle_asset(change.connection, known.id, AssetState.FITTING)
        change.job("fit_asset", known.id)
        return get_asset(change.connection, known.id)


def take_upload(post: Postcard, upload_id: str) -> None:
    """Take in what a browser sent straight to the store: hashed again on the way, then accepted like any upload.

    Whatever is wrong with it stays in the upload's row, for whoever asks.
    """
    with post.database.read() as connection:
        upload = get_upload(connection, upload_id)
    if upload.state != "arrived":
        return
    try:
        spooled = spool_upload(post, upload)
        try:
            asset, _ = accept_asset(post, spooled, created_by=upload.created_by)
        finally:
            spooled.path.unlink()
    except Rejected as error:
        with post.change() as change:
            settle_upload(change.connection, upload_id, "failed", failure=problem_of(error))
    else:
        with post.change() as change:
            settle_upload(change.connection, upload_id, "done", asset_id=asset.id)
    post.store.incoming.discard(upload_id)


def fit_asset(post: Postcard, asset_id: str) -> None:
    """Make what every asset gets at once: the poster of a clip, and its rendition for the default profile.

    Raises:
        Rejected: it cannot be fitted as it is; the asset is *failed*, with the reason and what may be chosen instead.
    """
    with post.database.read() as connection:
        asset = get_asset(connection, asset_id)
    if asset.state is not AssetState.FITTING:
        return  # cancelled while it waited, or done by a try before
    try:
        host_poster(post, asset)
        with post.database.read() as connection:
            if get_asset(connection, asset_id).state is not AssetState.FITTING:
                return  # cancelled while its poster was put, which nothing watches
        make_rendition(post, asset_id, DEFAULT_PROFILE)
    except Rejected as error:
        settle_unfitted(post, asset_id, error)
        raise


def make_rendition(post: Postcard, asset_id: str, profile_name: str, choice: Choice = WHOLE) -> Rendition:
    """Fit one asset, alone in its message, to a profile, in the form and cut that were chosen; host it.

    What comes out makes an asset usable that had failed.
    """
    profile = profile_named(profile_name)
    with post.database.read() as connection:
        asset = get_asset(connection, asset_id)
    made = host_rendition(post, asset, profile.name, budget_of(profile), choice)
    settle_fitted(post, made)
    return made


@dataclass
class Ready:
    """A campaign that is ready to send: for each limit its plan, for each limit and sender the compiled message.

    A limit is the name of a profile and an operator's own side, 0 = that of the profile.
    """

    campaign: Campaign
    plans: dict[Limit, Plan]
    senders: list[Sender]
    composed: dict[tuple[Limit, str], Composed] = field(default_factory=dict)

    @property
    def renditions(self) -> list[Rendition]:
        """Everything that the campaign's messages link to."""
        return [rendition for plan in self.plans.values() for rendition in plan.renditions]

    def outgoing(self, post: Postcard, claims: Sequence[Claimed], may_leave: Callable[[], bool]) -> list[Outgoing]:
        """Make the request of each claimed message; only its JSON part differs from the others of its kind.

        Signed links are signed anew for each group, so that they outlast the lease of every request.
        """
        if post.settings.public.presign_days:
            self.plans = {limit: plan.signed_anew(post) for limit, plan in self.plans.items()}
            self.composed.clear()
        return [self._request(post, claim, may_leave) for claim in claims]

    def _request(self, post: Postcard, claim: Claimed, may_leave: Callable[[], bool]) -> Outgoing:
        message = claim.message
        composed = self._compiled(post, (message.profile, message.side_pixels), message.sender_id)
        return Outgoing(
            message_id=message.id,
            attempt_id=claim.attempt_id,
            content_type=composed.content_type,
            body=composed.body_for(message.number, message.operator_id),
            may_leave=may_leave,
        )

    def _compiled(self, post: Postcard, limit: Limit, sender_id: str) -> Composed:
        if (limit, sender_id) not in self.composed:
            with post.database.read() as connection:
                sender = senders_by_id(connection, [sender_id])[sender_id]
            self.composed[limit, sender_id] = self.plans[limit].compose(subject=self.campaign.subject, sender=sender)
        return self.composed[limit, sender_id]


def ready_campaign(post: Postcard, campaign_id: str) -> Ready:
    """Fit, host and lay out what a campaign's messages need; all of it is there already when it is made again."""
    with post.database.read() as connection:
        campaign = get_campaign(connection, campaign_id)
        limits = limits_of(connection, campaign_id)
        senders = senders_of_campaign(connection, campaign_id)
    plans = {
        (name, side): plan_message(post, campaign.parts, limit_named(name, side), subject=campaign.subject)
        for name, side in limits
    }
    return Ready(campaign, plans, senders)


def start_campaign(post: Postcard, campaign_id: str) -> None:
    """Make, check and keep everything that a campaign needs; then let it run. What cannot be mended here pauses it."""
    with post.change() as change:
        campaign = get_campaign(change.connection, campaign_id, lock=True)
        if campaign.state is CampaignState.SCHEDULED:
            move_campaign(change.connection, campaign_id, CampaignState.PREPARING, at=change.at)
        elif campaign.state is not CampaignState.PREPARING:
            return
        numbers = numbers_of(change.connection, campaign_id, state=MessageState.PENDING)
    try:
        require_unlocked(numbers, post.settings.openmarket, post.settings.live)
        require_long_lifecycle(post)
        ready = ready_campaign(post, campaign_id)
        LeaseKeeper(post, ready.renditions).keep()
        keep_posters(post, {each.asset_id for each in ready.renditions})
    except Rejected as error:
        with post.change() as change:
            pause(change, campaign_id, f"{error.detail} {error.remedy}".strip())
        return
    with post.change() as change:
        if get_campaign(change.connection, campaign_id, lock=True).state is CampaignState.PREPARING:
            move_campaign(change.connection, campaign_id, CampaignState.RUNNING, at=change.at)
            change.job("send_campaign", campaign_id)


def send_batch(post: Postcard, ready: Ready, job: Job) -> int:
    """Send what is due of a running campaign: keep the leases, mark, leave, write down, group after group.

    Returns:
        how many messages were marked; 0 = nothing is due (finished, paused, or all others wait).

    Raises:
        GatewayUnavailable: request after request reached no endpoint; all of them are pending again.
    """
    campaign_id = ready.campaign.id
    require_unlocked_campaign(post, campaign_id)
    leases = LeaseKeeper(post, ready.renditions)
    departures = Departures(
        post,
        campaign_id,
        job,
        leases=leases,
        senders=ready.senders,
        compose=lambda group, may_leave: ready.outgoing(post, group, may_leave),
    )
    ledger, breaker = Ledger(post, departures.under_way, departures.pace_of), Breaker()
    try:
        for outcome in breaker.watch(departures.send(), departures.stop):
            ledger.add(outcome)
    finally:
        ledger.close(departures.left_behind)
    with post.change() as change:
        if breaker.reason:
            pause(change, campaign_id, breaker.reason)
        finish_if_done(change.connection, campaign_id, at=change.at)
    if breaker.nobody_reached or (departures.claimed and breaker.only_unreached):
        raise GatewayUnavailable("No endpoint takes a connection.")
    return departures.claimed


def take_callbacks(post: Postcard, posted: Sequence[Posted]) -> None:
    """Store what OpenMarket posted, as it came, in one transaction; a worker looks for it some times a second."""
    with post.change() as change:
        add_callbacks(change.connection, posted, at=change.at)


def settle_report(post: Postcard, *, early: bool = True) -> int:
    """Work on what OpenMarket posted: reports move their message by rank, inbound messages are kept and judged.

    Whatever cannot be read is kept and marked; a report whose mtId we do not know yet waits.

    Args:
        post: what the path works with.
        early: also look at reports that came before we knew their mtId.

    Returns:
        how many POSTs were worked on.
    """
    with post.database.read() as connection:
        waiting = new_callbacks(connection)
        if early and not waiting:
            waiting = matched_callbacks(connection, since=post.database.now(connection) - UNMATCHED)
    if not waiting:
        return 0
    understood = [
        (callback, parse_callback(callback.body, callback.content_type, callback.request_id)) for callback in waiting
    ]
    with post.change() as change:
        still_waiting = lock_callbacks(change.connection, [callback.id for callback in waiting])
        settle_batch(post, change, [each for each in understood if each[0].id in still_waiting])
    return len(still_waiting)
