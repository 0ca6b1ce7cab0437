"""What handsets sent: who asked to be left alone, whose words wait for a person, and the texts and pictures of all others."""

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.duties.inbound import lift_phrase, writer_of
from app.duties.shown import TEXT, is_shown
from app.edge.auth import caller
from app.edge.context import the_post
from app.errors import NotFound
from app.records.callbacks import KeptInbound, get_inbound, inbound_that_waits, list_inbound
from app.records.suppressions import add_suppressions, reasons_of
from app.telemetry import mask_number

blueprint = Blueprint("inbound_page", __name__)
_PAGE = 25
_WAITING = 50

# judged -> (word, tone, what it means)
JUDGED_WORDS: dict[str, tuple[str, str, str]] = {
    "stop": ("STOP", "bad", "A keyword: the number is suppressed, until it sends START."),
    "stop_like": ("sounds like a stop", "warn", "Not a keyword: the number is suppressed until somebody has looked."),
    "start": ("START", "good", "A keyword: it undoes a STOP."),
    "help": ("HELP", "go", "Whoever answers for the sender explains it."),
}


@blueprint.get("/app/inbound")
def show() -> str:
    """Show what waits for a person, then everything, newest first."""
    first_page = "before" not in request.args
    with the_post().database.read() as connection:
        found = list_inbound(connection, before=request.args.get("before", "")[:60], limit=_PAGE)
        waiting = inbound_that_waits(connection, limit=_WAITING) if first_page else []
        reasons = reasons_of(connection, {each.source for each in (*found, *waiting)})
    return render_template(
        "inbound.html",
        waiting=_shown(waiting, reasons),
        messages=_shown(found, reasons),
        judged_words=JUDGED_WORDS,
        next=found[-1].id if len(found) == _PAGE else None,
        first_page=first_page,
    )


def _shown(messages: Sequence[KeptInbound], reasons: dict[str, str]) -> list[dict[str, object]]:
    return [
        {
            "id": each.id,
            "number": _named(each.source),
            "country": writer.country if (writer := writer_of(each.source)) else "",
            "ending": each.source[-4:],
            "to": ", ".join(each.destinations),
            "received_at": each.received_at,
            "subject": each.subject,
            "text": each.text,
            "judged": each.judged,
            "suppressed": reasons.get(each.source, ""),
            "pictures": [
                f"/inbound/{each.id}/parts/{index}"
                for index, content_type in enumerate(each.part_types)
                if is_shown(content_type) and content_type != TEXT
            ],
            "others": [each for each in each.part_types if not is_shown(each)],
        }
        for each in messages
    ]


def _named(source: str) -> str:
    """Name who wrote: whole to an admin, who may have to look a person up; to others by the last four digits."""
    return f"+{source}" if caller().admin else mask_number(source)


@blueprint.post("/app/inbound/<inbound_id>/<decision>")
def decide(inbound_id: str, decision: str) -> Response:
    """Keep the number that wrote suppressed for good, or let it be sent to again.

    Only a suppression that waits for a person is lifted here: a STOP is the person's own word, and a listed number somebody's.

    Raises:
        NotFound: no such message, or no such decision.
    """
    if decision not in {"keep", "lift"}:
        raise NotFound("Nothing has this address.")
    with the_post().change() as change:
        message = get_inbound(change.connection, inbound_id)
        if decision == "lift":
            lift_phrase(change, message.source)
        elif reasons_of(change.connection, [message.source]):
            add_suppressions(
                change.connection,
                [message.source],
                reason="person",
                note=message.text[:200],
                created_by=caller().label,
                at=change.at,
            )
    return redirect("/app/inbound", code=303)
