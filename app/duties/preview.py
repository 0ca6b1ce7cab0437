"""A dry run: the exact bytes for each profile, sizes and checks; media is fitted and hosted, nothing is sent."""

from dataclasses import dataclass

from app.compose.checks import advise_message
from app.compose.numbers import parse_recipients
from app.duties.campaigns import Order, assign_order, check_order
from app.duties.plan import Plan, plan_message
from app.duties.postcard import Postcard
from app.limits import DEFAULT_PROFILE, limit_named, profiles
from app.model.messages import Sender
from app.records.senders import active_senders
from app.records.suppressions import reasons_of


@dataclass(frozen=True)
class Preview:
    """What would go out to everybody of one profile: ``body`` are the bytes for the first of ``recipients`` recipients.

    So many of those are ``suppressed``, and get nothing.
    """

    plan: Plan
    sender: Sender
    recipients: int
    suppressed: int
    message_bytes: int
    content_type: str
    body: bytes
    advice: tuple[str, ...]


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
            sender = next(iter(active_senders(connection).values()))
            name = order.profile if order.profile != "auto" else DEFAULT_PROFILE
            groups = {(name, 0): (sender, "10000871000", None)}
            chosen = []
        stopped = reasons_of(connection, [each.recipient.number for each in chosen])
    previews = []
    for limit in sorted(groups, key=lambda each: (profiles()[each[0]].max_bytes, each[1])):
        sender, number, operator_id = groups[limit]
        plan = plan_message(post, order.parts, limit_named(*limit))
        composed = plan.compose(subject=order.subject, sender=sender)
        theirs = [each.recipient.number for each in chosen if (each.profile, each.side_pixels) == limit]
        previews.append(
            Preview(
                plan=plan,
                sender=sender,
                recipients=len(theirs),
                suppressed=sum(number in stopped for number in theirs),
                message_bytes=composed.message_bytes,
                content_type=composed.content_type,
                body=composed.body_for(number, operator_id),
                advice=advise_message(plan.parts, subject=order.subject),
            )
        )
    return previews
