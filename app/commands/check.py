"""`postcard check`: is everything as OpenMarket needs it, before anybody is sent to."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import click

from app.commands.bucket import is_meant_public, plan_of
from app.commands.local import effective_settings, plain_errors
from app.duties.leases import MINIMUM_CACHE_SECONDS
from app.duties.recipients import senders_of
from app.duties.reconcile import PIXEL, PIXEL_SHA256, compare
from app.errors import GatewayUnavailable, PostcardError, RecordsInconsistent, StoreMisconfigured
from app.host.bucket import show_bucket
from app.host.lease import lifecycle_is_long_enough
from app.host.s3 import S3Store
from app.host.selftest import verify_public
from app.records.migrate import require_current_schema
from app.settings import Settings
from app.wiring import make_store, open_database, require_consistent


@click.command()
def check() -> None:
    """Look at settings, database, bucket, lifecycle, public address and gateway; exit code 1 if anything is wrong."""
    with plain_errors():
        settings = effective_settings()
        store = make_store(settings)
        checks: dict[str, Callable[[], str]] = {
            "settings": lambda: _settings(settings),
            "database": lambda: _database(settings),
            "bucket": lambda: _bucket(settings, store),
            "lifecycle": lambda: _lifecycle(settings, store),
            "public address": lambda: _public(settings, store),
            "rows and bucket": lambda: _rows_and_bucket(settings, store),
            "gateway": lambda: _gateway(settings),
        }
        passed = [_run(name, each) for name, each in checks.items()]
        if not all(passed):
            sys.exit(1)


def _run(name: str, call: Callable[[], str]) -> bool:
    try:
        click.echo(f"ok    {name}: {call()}")
    except PostcardError as error:
        click.echo(f"WRONG {name}: {error.detail} {error.remedy}")
        return False
    return True


def _settings(settings: Settings) -> str:
    require_consistent(settings)
    return f"senders for {', '.join(sorted(sender.country for sender in senders_of(settings.openmarket)))}"


def _database(settings: Settings) -> str:
    database = open_database(settings)
    require_current_schema(database)
    return f"{database.url.get_backend_name()} at this version's schema"


def _bucket(settings: Settings, store: S3Store) -> str:
    differences = show_bucket(store.client, plan_of(settings, public=is_meant_public(settings)))
    if differences:
        raise StoreMisconfigured("; ".join(differences))
    return f"{settings.s3.bucket} is as it should be"


def _lifecycle(settings: Settings, store: S3Store) -> str:
    days = store.lifecycle_days()
    enough, wrong = lifecycle_is_long_enough(days, settings.lease.minimum_days)
    if not enough:
        raise StoreMisconfigured(wrong)
    return f"media stays {days} days" if days else "no rule removes media"


def _public(settings: Settings, store: S3Store) -> str:
    sha256 = PIXEL_SHA256
    with TemporaryDirectory() as folder:
        pixel = Path(folder) / "pixel.gif"
        pixel.write_bytes(PIXEL)
        stored = store.put_media(pixel, sha256=sha256, content_type="image/gif")
    url = store.url_of(stored.key)
    result = verify_public(
        url,
        sha256=sha256,
        content_type="image/gif",
        bytes=len(PIXEL),
        minimum_cache_seconds=MINIMUM_CACHE_SECONDS,
        connect_seconds=settings.s3.connect_seconds,
        read_seconds=settings.s3.read_seconds,
    )
    return f"{url} answers as OpenMarket needs it, in {result['milliseconds']} ms"


def _rows_and_bucket(settings: Settings, store: S3Store) -> str:
    database = open_database(settings)
    try:
        found = compare(settings, database, store)
    finally:
        database.close()
    lost = [*found.came_back, *found.losses, *found.lost_originals]
    if lost:
        raise RecordsInconsistent(
            f"{len(found.losses)} hosted files and {len(found.lost_originals)} originals are missing from the bucket, "
            f"{len(found.came_back)} are there although they were taken down: {', '.join(lost[:5])}."
        )
    orphans = f"; {len(found.orphans)} objects in the bucket belong to no row" if found.orphans else ""
    return f"nothing is missing from the bucket{orphans}"


def _gateway(settings: Settings) -> str:
    for url in settings.openmarket.endpoints:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), settings.openmarket.connect_seconds).close()
        except OSError as error:
            raise GatewayUnavailable(f"{parts.hostname}:{port} takes no connection: {error}.") from error
    return f"{len(settings.openmarket.endpoints)} endpoint(s) take connections"
