"""/messages and /campaigns/{id}/messages: what became of each recipient."""

import csv
import io
from collections.abc import Iterable, Iterator

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field

from app.duties.postcard import Postcard
from app.edge.api.campaigns import create
from app.edge.context import the_post
from app.edge.schemas.campaigns import CampaignOut, MessageIn, MessageOut, MessagePageOut
from app.edge.schemas.shapes import AfterQuery
from app.edge.views import message_out, messages_out
from app.model.messages import Message
from app.model.status import MessageState
from app.records.campaigns import get_campaign
from app.records.messages import get_message, list_messages

blueprint = APIBlueprint("messages", __name__, tag="Messages")

_COLUMNS = ("id", "number", "country", "state", "attempts", "mt_id", "request_id", "profile", "problem", "updated_at")
_CSV_PAGE = 1000


class MessagesQuery(AfterQuery):
    """Which messages of a campaign."""

    state: MessageState | None = Field(default=None, description="Only those that stand here.")


@blueprint.post("/messages")
@blueprint.input(MessageIn, arg_name="body")
@blueprint.output(CampaignOut, status_code=201)
def create_one(body: MessageIn) -> Response:
    """Send to one recipient: a campaign of one, whose id is in the answer."""
    return create(body.order([body.to]), body.model_dump(mode="json"))


@blueprint.get("/messages/<message_id>")
@blueprint.output(MessageOut)
def show_one(message_id: str) -> MessageOut:
    """Show a message with its attempts and reports."""
    post = the_post()
    with post.database.read() as connection:
        return message_out(post, connection, get_message(connection, message_id))


@blueprint.get("/campaigns/<campaign_id>/messages")
@blueprint.input(MessagesQuery, location="query", arg_name="page")
@blueprint.output(MessagePageOut)
def list_of_campaign(campaign_id: str, page: MessagesQuery) -> MessagePageOut:
    """List the messages of a campaign with their reports."""
    with the_post().database.read() as connection:
        get_campaign(connection, campaign_id)
        found = list_messages(
            connection, campaign_id, after=page.after, limit=page.limit, state=page.state.value if page.state else ""
        )
        items = messages_out(connection, found)
    return MessagePageOut(items=items, next=found[-1].id if len(found) == page.limit else None)


@blueprint.get("/campaigns/<campaign_id>/messages.csv")
@blueprint.doc(summary="The messages of a campaign as a table", responses={200: "text/csv, one row a message"})
def download(campaign_id: str) -> Response:
    """Give all messages of a campaign as CSV."""
    with the_post().database.read() as connection:
        get_campaign(connection, campaign_id)
    return Response(
        _csv(_all_messages(the_post(), campaign_id)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{campaign_id}.csv"'},
    )


def _all_messages(post: Postcard, campaign_id: str) -> Iterator[Message]:
    """Read page by page, each in a transaction of its own: nothing stays locked while somebody downloads slowly."""
    after = ""
    while True:
        with post.database.read() as connection:
            page = list_messages(connection, campaign_id, after=after, limit=_CSV_PAGE)
        yield from page
        if len(page) < _CSV_PAGE:
            return
        after = page[-1].id


def _csv(messages: Iterator[Message]) -> Iterator[str]:
    yield _line(_COLUMNS)
    for message in messages:
        facts = {name: getattr(message, name) for name in _COLUMNS}
        facts["state"] = message.state.value
        facts["updated_at"] = message.updated_at.isoformat()
        yield _line(_safe(str(facts[name])) for name in _COLUMNS)


def _safe(cell: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
