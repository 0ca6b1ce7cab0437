"""`postcard send`: one file to some numbers, through the same path as page and API, and what became of it."""

import sys
import time
from pathlib import Path

import click

from app.commands.children import runs_on
from app.commands.local import chosen_by_run, effective_settings, plain_errors
from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.errors import CannotStart
from app.model.media import Choice, Form
from app.model.messages import AssetPart, Message, Part, TextPart
from app.model.status import ENDED, CampaignState, MessageState
from app.pipeline import accept_asset
from app.records.campaigns import get_campaign
from app.records.messages import list_messages
from app.upload.receive import receive_raw
from app.wiring import assemble

WAIT_SECONDS = 60
_DONE = ENDED | {MessageState.UNKNOWN, MessageState.DEFERRED}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", "numbers", multiple=True, required=True, help="A number in international format; may be repeated."
)
@click.option("--text", default="", help="Text below the picture.")
@click.option("--subject", default="", help="At most 255 characters; 40 are wise.")
@click.option(
    "--as",
    "form",
    type=click.Choice([form.value for form in Form]),
    default=Form.AUTO.value,
    show_default=True,
    help="What to make of the file; see docs/api.md.",
)
@click.option("--start", default=0.0, help="Send a clip or a sound file from this second on.")
@click.option("--seconds", default=0.0, help="Send so many seconds of it; 0 = to the end.")
@click.option("--profile", default="auto", show_default=True, help="Limit of the whole message.")
@click.option("--wait", default=WAIT_SECONDS, show_default=True, help="Seconds to wait for delivery reports.")
def send(
    file: Path,
    numbers: tuple[str, ...],
    text: str,
    subject: str,
    form: str,
    start: float,
    seconds: float,
    profile: str,
    wait: int,
) -> None:
    """Send FILE to one or more numbers and tell what became of each message."""
    with plain_errors():
        settings = effective_settings()
        if "POSTCARD_S3_ENDPOINT_URL" in chosen_by_run() and not runs_on(settings.data.dir):
            raise CannotStart(
                f"`postcard run` is not at work on {settings.data.dir}, and its store lives with it: `make run` in another shell."
            )
        post, _ = assemble(settings)
        with file.open("rb") as stream:
            upload = receive_raw(
                stream,
                filename=file.name,
                content_type="",
                content_length=file.stat().st_size,
                spool_dir=post.spool_dir,
                max_bytes=settings.upload.max_bytes,
            )
        try:
            asset, _ = accept_asset(post, upload, created_by="command line")
        finally:
            upload.path.unlink(missing_ok=True)
        choice = Choice(Form(form), round(start, 3), round(seconds, 3))
        parts: tuple[Part, ...] = (AssetPart(asset.id, choice), *((TextPart(text),) if text else ()))
        order = Order(parts=parts, recipients=numbers, subject=subject, profile=profile)
        campaign = create_campaign(post, order, created_by="command line")
        click.echo(f"Campaign {campaign.id}: {settings.web.base_url}/app/campaigns/{campaign.id}")
        messages = _follow(post, campaign.id, wait)
        for message in messages:
            click.echo(f"{message.number}  {message.state.value}  {message.mt_id}  {message.problem}".rstrip())
        if any(message.state is MessageState.PENDING for message in messages):
            click.echo(
                "Pending messages stay queued and leave as soon as a worker runs (`postcard run` or `postcard worker`).",
                err=True,
            )
        if not all(message.state in {MessageState.RETRIEVED, MessageState.FORWARDED} for message in messages):
            sys.exit(1)


def _follow(post: Postcard, campaign_id: str, wait: int) -> list[Message]:
    """Wait until each message has come to something, or the campaign is paused."""
    deadline = time.monotonic() + wait
    while True:
        with post.database.read() as connection:
            campaign = get_campaign(connection, campaign_id)
            messages = list(list_messages(connection, campaign_id, limit=1000))
        if campaign.state is CampaignState.PAUSED:
            click.echo(f"The campaign is paused: {campaign.pause_reason}", err=True)
            return messages
        if all(message.state in _DONE for message in messages) or time.monotonic() > deadline:
            return messages
        time.sleep(0.2)
