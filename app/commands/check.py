"""`postcard check`: is everything as OpenMarket needs it, before anybody is sent to.

Each look says what it tried, what it found and what to do. What cannot be looked at, because something before it does not
answer, is said once.
"""

import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import click

from app.commands.bucket import is_meant_public, plan_of
from app.commands.children import require_room, runs_on
from app.commands.local import chosen_by_run, effective_settings, plain_errors
from app.duties.leases import MINIMUM_CACHE_SECONDS
from app.duties.recipients import senders_of
from app.duties.reconcile import PIXEL, PIXEL_SHA256, compare
from app.errors import (
    CannotStart,
    DatabaseBusy,
    GatewayUnavailable,
    PostcardError,
    RecordsInconsistent,
    StoreMisconfigured,
    StoreUnavailable,
    Unavailable,
)
from app.host.bucket import show_bucket
from app.host.lease import lifecycle_is_long_enough
from app.host.s3 import S3Store
from app.host.selftest import verify_public
from app.records.migrate import require_current_schema
from app.settings import Settings, database_url
from app.wiring import make_store, open_database, require_consistent

_STORE = {
    StoreUnavailable: "See that the store of POSTCARD_S3_ENDPOINT_URL runs and can be reached from here; empty is AWS.",
    StoreMisconfigured: "`postcard bucket apply` mends the bucket; credentials come from AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or from a role, with the rights of docs/infra.md.",
}


@dataclass(frozen=True)
class Look:
    """One thing to look at: ``tried`` says how, ``call`` gives what was found, ``needs`` must have answered before.

    ``within`` tells those that need it why they are not looked at; ``do`` what a person can do, by error; else its own remedy.
    """

    name: str
    tried: str
    call: Callable[[], str]
    needs: tuple[str, ...] = ()
    within: str = "what it needs does not answer"
    do: Mapping[type[PostcardError], str] = field(default_factory=dict)


@click.command()
def check() -> None:
    """Look at settings, disk, database, bucket, lifecycle, public address and gateway; exit code 1 if anything is wrong."""
    with plain_errors():
        settings = effective_settings()
        silent: dict[str, str] = {}
        passed = [_run(each, silent) for each in looks_at(settings, chosen_by_run())]
        if not all(passed):
            sys.exit(1)


def looks_at(settings: Settings, chosen: frozenset[str]) -> list[Look]:
    """List what is looked at; ``chosen`` are the settings that `postcard run` made, so what they name lives with it."""
    run = Look(
        "run",
        f"the lock that `postcard run` holds on {settings.data.dir}",
        lambda: _running(settings),
        within="`postcard run` is not at work",
        do={CannotStart: "Start it, `make run` or `postcard run`, and check again."},
    )
    of_store = ("run",) if "POSTCARD_S3_ENDPOINT_URL" in chosen else ()
    of_gateway = ("run",) if "POSTCARD_OPENMARKET_ENDPOINTS" in chosen else ()
    return [
        Look("settings", "all POSTCARD_ variables together", lambda: _settings(settings)),
        *([run] if of_store or of_gateway else []),
        Look(
            "disk",
            f"room on the disk of {settings.data.dir}, where uploads are kept while they come",
            lambda: _disk(settings.data.dir),
            do={CannotStart: "Make room there, or name a folder on another disk: POSTCARD_DATA_DIR."},
        ),
        Look(
            "database",
            f"its schema, at {_place_of(settings)}",
            lambda: _database(settings),
            within="the database cannot be used",
            do={
                DatabaseBusy: "See that the server of POSTCARD_DATABASE_URL runs and lets us in.",
                CannotStart: "Run `postcard migrate`, or name the right database: POSTCARD_DATABASE_URL.",
            },
        ),
        *_looks_at_store(settings, of_store),
        Look(
            "gateway",
            f"a connection to {', '.join(settings.openmarket.endpoints)}",
            lambda: _gateway(settings),
            of_gateway,
            do={GatewayUnavailable: "Check POSTCARD_OPENMARKET_ENDPOINTS, and that a firewall lets us out to them."},
        ),
    ]


def _looks_at_store(settings: Settings, needs: tuple[str, ...]) -> list[Look]:
    store = make_store(settings)
    bucket = f"the bucket {settings.s3.bucket} at {settings.s3.endpoint_url or f'AWS, {settings.s3.region}'}"
    return [
        Look(
            "bucket",
            f"policy, rules and CORS of {bucket}",
            lambda: _bucket(settings, store),
            needs,
            "the store does not answer",
            _STORE,
        ),
        Look(
            "lifecycle", f"how long {bucket} keeps media", lambda: _lifecycle(settings, store), ("bucket",), do=_STORE
        ),
        Look(
            "public address",
            f"a picture of {len(PIXEL)} bytes, put and fetched below {settings.public.base_url}",
            lambda: _public(settings, store),
            ("bucket",),
        ),
        Look(
            "rows and bucket",
            "every row of the database against every object, both ways",
            lambda: _rows_and_bucket(settings, store),
            ("database", "bucket"),
            do={RecordsInconsistent: "Find out who deletes there: docs/runbook.md has what each loss means."},
        ),
    ]


def _run(look: Look, silent: dict[str, str]) -> bool:
    """Look at one thing and say what came of it; one that does not answer goes into ``silent``, for those that need it."""
    if missing := next((silent[each] for each in look.needs if each in silent), ""):
        click.echo(f"-     {look.name}: not looked at, {missing}")
        silent[look.name] = missing
        return False
    try:
        click.echo(f"ok    {look.name}: {look.call()}")
    except PostcardError as error:
        found = error.facts.get("mistakes") or [error.detail]
        do = look.do.get(type(error), error.remedy)
        click.echo(f"WRONG {look.name}")
        click.echo(f"      tried: {look.tried}")
        for line in found:
            click.echo(f"      found: {line}")
        click.echo(f"      do:    {do}")
        if isinstance(error, Unavailable | CannotStart):
            silent[look.name] = f"since {look.within} (above)"
        return False
    return True


def _place_of(settings: Settings) -> str:
    """Name the database without its password."""
    parts = urlsplit(database_url(settings))
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _running(settings: Settings) -> str:
    """Tell whether `postcard run` is at work.

    Raises:
        CannotStart: it is not.
    """
    process = runs_on(settings.data.dir)
    if not process:
        raise CannotStart("`postcard run` is not at work; store and sandbox of this data folder live with it.")
    return f"`postcard run` is at work on {settings.data.dir}, process {process}"


def _disk(folder: Path) -> str:
    """Tell how much room there is, in the folder or where it would be made.

    Raises:
        CannotStart: too little.
    """
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
    require_room(there)
    return f"{shutil.disk_usage(there).free / 1e9:.1f} GB left for {folder}"


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
        raise StoreMisconfigured("; ".join(differences), mistakes=differences)
    return f"{settings.s3.bucket} at {settings.s3.endpoint_url or 'AWS'} is as it should be"


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
    """Ask each endpoint for a connection.

    Raises:
        GatewayUnavailable: one or more take none.
    """
    closed = [wrong for url in settings.openmarket.endpoints if (wrong := _why_closed(url, settings))]
    if closed:
        raise GatewayUnavailable(f"{'; '.join(closed)}.")
    return (
        f"{', '.join(settings.openmarket.endpoints)}: {len(settings.openmarket.endpoints)} endpoint(s) take connections"
    )


def _why_closed(url: str, settings: Settings) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), settings.openmarket.connect_seconds).close()
    except OSError as error:
        return f"{parts.hostname}:{port} takes no connection: {error.strerror or error}"
    return ""
