"""The command: it asks before it speaks to a real endpoint, sends each request once, waits for reports, and writes the page."""

import hashlib
import importlib.metadata
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from app.commands.local import effective_settings, plain_errors
from app.commands.verify.cases import Account, Case, make_cases, make_gone_case, unique_picture
from app.commands.verify.reports import fetches_by_sandbox, wait_for_reports
from app.commands.verify.transcript import Entry, write_transcript
from app.commands.verify.wire import exchange
from app.duties.recipients import senders_of
from app.errors import InvalidRequest
from app.model.messages import Sender
from app.records.database import Database
from app.records.migrate import require_current_schema
from app.send.endpoints import is_loopback
from app.settings import Settings
from app.wiring import make_store, open_database, require_consistent


@click.command("verify-account")
@click.option("--mt-config", default="", help="The account's TEST MT configuration; needed towards a real endpoint.")
@click.option("--source", default="", help="The sender; default that of the first country in the settings.")
@click.option("--endpoint", default="", help="One of POSTCARD_OPENMARKET_ENDPOINTS; default the first.")
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for delivery reports.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write; default a dated file here."
)
@click.option("--yes", is_flag=True, help="Really speak to a real endpoint.")
def verify_account(mt_config: str, source: str, endpoint: str, wait: float, output: Path | None, *, yes: bool) -> None:
    """Send right and wrong requests to OpenMarket's test numbers, and write down what came back.

    Exit code 1: something came otherwise than OpenMarket's pages state.
    """
    with plain_errors():
        settings = effective_settings()
        require_consistent(settings)
        chosen = _choose_endpoint(settings, endpoint)
        sender = senders_of(settings.openmarket)[0]
        if not is_loopback(chosen):
            _require_purpose(chosen, mt_config, yes=yes)
        database = open_database(settings)
        try:
            require_current_schema(database)
            entries, account, at = _verify(settings, database, chosen, sender, mt_config, source, wait)
        finally:
            database.close()
        path = output or Path(f"openmarket-{at:%Y-%m-%dT%H%M%SZ}.md")
        version = importlib.metadata.version("postcard-mms")
        path.write_text(
            write_transcript(entries, endpoint=chosen, account=account, at=at, waited_seconds=wait, version=version)
        )
        different = [entry for entry in entries if entry.differences]
        click.echo(f"{len(entries) - len(different)} as expected, {len(different)} not. The transcript is in {path}.")
        if any(entry.contradicts_the_pages for entry in entries):
            sys.exit(1)


def _choose_endpoint(settings: Settings, endpoint: str) -> str:
    known = settings.openmarket.endpoints
    if endpoint and endpoint not in known:
        raise InvalidRequest(f"--endpoint must be one of {', '.join(known)}: the account's password goes nowhere else.")
    return endpoint or known[0]


def _require_purpose(endpoint: str, mt_config: str, *, yes: bool) -> None:
    """Keep the live lock: nothing is sent to a real endpoint by accident.

    Raises:
        InvalidRequest: the test configuration is not named, or nobody said yes.
    """
    if not mt_config:
        raise InvalidRequest(
            "Name the account's test MT configuration with --mt-config: with a live one OpenMarket would really send."
        )
    if not yes:
        raise InvalidRequest(
            f"This sends about 35 requests to {endpoint}, with MT configuration {mt_config}, to OpenMarket's test numbers "
            "only. Nothing was sent. Say --yes if that is wanted."
        )


def _verify(
    settings: Settings, database: Database, endpoint: str, sender: Sender, mt_config: str, source: str, wait: float
) -> tuple[list[Entry], Account, datetime]:
    at = datetime.now(UTC)
    media_url, gone_url = _host_picture(settings, at)
    account = Account(source or sender.source, mt_config or sender.mt_config, media_url, gone_url)
    with database.read() as connection:
        since = database.now(connection) - timedelta(seconds=1)
    cases = [*make_cases(account), make_gone_case(account)]
    entries = [_send(case, endpoint, settings) for case in cases]
    wanted = {entry.answer.mt_id: entry.wanted_report for entry in entries if entry.wanted_report}
    click.echo(f"Waiting up to {wait:g} s for {len(wanted)} reports ...", err=True)
    reports = wait_for_reports(database, wanted, since=since, seconds=wait)
    for entry in entries:
        entry.reports = reports.get(entry.answer.mt_id, [])
        if entry.answer.mt_id:
            entry.fetches = fetches_by_sandbox(endpoint, entry.answer.mt_id)
    return entries, account, at


def _send(case: Case, endpoint: str, settings: Settings) -> Entry:
    """Send one request at the account's pace."""
    entry = Entry.of(exchange(case, endpoint, settings.openmarket))
    told = f"{entry.answer.http_status or 'no answer'} {entry.answer.code or ''}".strip()
    click.echo(f"{case.name}: {told}", err=True)
    time.sleep(1 / settings.openmarket.tps)
    return entry


def _host_picture(settings: Settings, at: datetime) -> tuple[str, str]:
    """Host a picture that nobody has seen; give its address, and one where nothing is."""
    store = make_store(settings)
    content = unique_picture(f"postcard verify-account {at.isoformat()}")
    digest = hashlib.sha256(content).hexdigest()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.gif"
        path.write_bytes(content)
        stored = store.put_media(path, sha256=digest, content_type="image/gif")
    url = store.url_of(stored.key)
    return url, url.replace(digest, hashlib.sha256(digest.encode()).hexdigest())
