"""A dry run: the exact bytes for each profile, sizes and checks; media is fitted and hosted, nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.compose.checks import advise_message
from app.compose.numbers import parse_recipients
from app.duties.campaigns import Order, assign_order, check_order
from app.duties.limit_words import advise_limit, explain_limit
from app.duties.plan import Plan, plan_message
from app.duties.postcard import Postcard
from app.duties.recipients import choose_senders
from app.limits import DEFAULT_PROFILE, limit_named, profile_named, profiles
from app.model.media import Profile
from app.model.messages import Recipient, Sender
from app.records.database import Connection
from app.records.senders import active_senders
from app.records.suppressions import reasons_of

_ANY_NUMBER = "10000871000"  # OpenMarket's own, for tests


@dataclass(frozen=True)
class Preview:
    """What would go out to everybody of one profile: ``body`` are the bytes for the first of ``recipients`` recipients.

    So many of those are ``suppressed``, and get nothing. ``reason`` says why it is this limit.
    """

    plan: Plan
    sender: Sender
    recipients: int
    suppressed: int
    message_bytes: int
    content_type: str
    body: bytes
    advice: tuple[str, ...]
    reason: str


def preview_campaign(post: Postcard, order: Order) -> list[Preview]:
    """Make what would be sent, for each limit that the recipients need; without recipients, for the order's own.

    Nothing is created but renditions, which a later send uses; until they are made no row is written, so that a preview of
    100,000 numbers keeps nobody waiting.
    """
    check_order(order)
    recipients = parse_recipients(order.recipients) if order.recipients else []
    with post.database.read() as connection:
        if recipients:
            senders, chosen = assign_order(post, connection, order, recipients)
            groups = {
                (each.profile, each.side_pixels): (
                    senders[each.recipient.country],
                    each.recipient.number,
                    each.recipient.operator_id,
                )
                for each in reversed(chosen)
            }
        else:
            name = order.profile if order.profile != "auto" else DEFAULT_PROFILE
            groups = {(name, 0): (_any_sender(post, connection, order), _ANY_NUMBER, None)}
            chosen = []
        usual = _usual_limits(post, connection, order, recipients)
        stopped = reasons_of(connection, [each.recipient.number for each in chosen])
    previews = []
    for limit in sorted(groups, key=lambda each: (profiles()[each[0]].max_bytes, each[1])):
        sender, number, operator_id = groups[limit]
        plan = plan_message(post, order.parts, limit_named(*limit), subject=order.subject)
        composed = plan.compose(subject=order.subject, sender=sender)
        theirs = {
            each.recipient.number: each.recipient.country
            for each in chosen
            if (each.profile, each.side_pixels) == limit
        }
        previews.append(
            Preview(
                plan=plan,
                sender=sender,
                recipients=len(theirs),
                suppressed=sum(number in stopped for number in theirs),
                message_bytes=composed.message_bytes,
                content_type=composed.content_type,
                body=composed.body_for(number, operator_id),
                advice=(*advise_message(plan.parts, subject=order.subject), *advise_limit(plan.profile, usual)),
                reason=explain_limit(order.profile, sender.kind, theirs.values(), plan.profile.side_pixels),
            )
        )
    return previews


def _any_sender(post: Postcard, connection: Connection, order: Order) -> Sender:
    """Choose who would send where nobody is named yet: whom the order names, else the sender of the first country."""
    country = next(iter(active_senders(connection)), "US")
    (sender,) = choose_senders(
        connection,
        [Recipient(_ANY_NUMBER, country)],
        openmarket=post.settings.openmarket,
        source=order.source,
        mt_config=order.mt_config,
    ).values()
    return sender


def _usual_limits(
    post: Postcard, connection: Connection, order: Order, recipients: Sequence[Recipient]
) -> list[Profile]:
    """Tell what the operators of each recipient take, where another limit was chosen for all of them."""
    if order.profile == "auto" or not recipients:
        return []
    _, usual = assign_order(post, connection, replace(order, profile="auto"), recipients)
    return [profile_named(each.profile) for each in usual]
