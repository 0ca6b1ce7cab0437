"""/suppressions and /inbound: who must not be sent to, and what handsets sent."""

import re
from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response, jsonify

from app.compose.numbers import parse_stops
from app.duties.shown import is_shown, show_part
from app.edge.auth import caller
from app.edge.context import the_post
from app.edge.idempotency import Settle, once
from app.edge.schemas.others import (
    InboundOut,
    InboundPageOut,
    NumberQuery,
    SuppressionIn,
    SuppressionOut,
    SuppressionPageOut,
    SuppressionsAddedOut,
)
from app.edge.schemas.shapes import AfterQuery, PageQuery
from app.edge.waiting import takes_long
from app.errors import NotFound
from app.records.callbacks import KeptInbound, list_inbound
from app.records.suppressions import add_suppressions, list_suppressions, remove_suppression

blueprint = APIBlueprint("suppressions", __name__, tag="Suppressions and inbound")


@blueprint.get("/suppressions")
@blueprint.input(AfterQuery, location="query", arg_name="page")
@blueprint.output(SuppressionPageOut)
def list_all(page: AfterQuery) -> SuppressionPageOut:
    """List numbers that are not sent to."""
    with the_post().database.read() as connection:
        found = list_suppressions(connection, after=page.after, limit=page.limit)
    items = [SuppressionOut(**asdict(each)) for each in found]
    return SuppressionPageOut(items=items, next=found[-1].number if len(found) == page.limit else None)


@blueprint.post("/suppressions")
@blueprint.input(SuppressionIn, arg_name="body")
@blueprint.output(SuppressionsAddedOut, status_code=201)
def add(body: SuppressionIn) -> Response:
    """Suppress numbers of any country: no campaign sends to them from now on. One that is no number refuses all."""
    numbers = parse_stops(body.numbers)

    def work(settle: Settle) -> Response:
        with the_post().change() as change:
            added = add_suppressions(
                change.connection,
                numbers,
                reason="person",
                note=body.note,
                created_by=caller().label,
                at=change.at,
            )
            told = SuppressionsAddedOut(numbers=numbers, added=added).as_json()
            settle(change.connection, 201, told)
        answer = jsonify(told)
        answer.status_code = 201
        return answer

    return once(body.model_dump(mode="json"), work)


@blueprint.delete("/suppressions")
@blueprint.input(NumberQuery, location="query", arg_name="which")
@blueprint.doc(summary="Let a number be sent to again", responses={204: "It may be sent to again"})
def remove(which: NumberQuery) -> tuple[str, int]:
    """Let the number of the query be sent to again."""
    return remove_one(which.number)


@blueprint.delete("/suppressions/<number>")
@blueprint.doc(summary="Let a number be sent to again", responses={204: "It may be sent to again"})
def remove_one(number: str) -> tuple[str, int]:
    """Let a number be sent to again.

    Raises:
        NotFound: it was not suppressed.
    """
    with the_post().change() as change:
        if not remove_suppression(change.connection, re.sub(r"\D", "", number)):
            raise NotFound("This number is not suppressed.", number=number[:40])
    return "", 204


@blueprint.get("/inbound")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(InboundPageOut)
def list_messages(page: PageQuery) -> InboundPageOut:
    """List messages from handsets, newest first."""
    with the_post().database.read() as connection:
        found = list_inbound(connection, before=page.before, limit=page.limit)
    items = [InboundOut(**asdict(each), part_urls=_part_urls(each)) for each in found]
    return InboundPageOut(items=items, next=found[-1].id if len(found) == page.limit else None)


def _part_urls(message: KeptInbound) -> list[str | None]:
    return [
        f"/inbound/{message.id}/parts/{index}" if is_shown(content_type) else None
        for index, content_type in enumerate(message.part_types)
    ]


@blueprint.get("/inbound/<inbound_id>/parts/<index>")
@blueprint.doc(
    summary="Show one part of a message from a handset", responses={200: "Text, or a JPEG that was encoded anew"}
)
@takes_long
def show_message_part(inbound_id: str, index: str) -> Response:
    """Show one part of a message from a handset: never the bytes that came."""
    shown = show_part(the_post(), inbound_id, int(index) if re.fullmatch(r"[0-9]{1,3}", index) else -1)
    return Response(shown.content, content_type=shown.content_type)
