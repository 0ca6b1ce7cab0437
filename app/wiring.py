"""Which store, gateway, queue and database stand behind the path: put together from the settings, in one place."""

import ipaddress
import secrets
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from app.confine import DecoderPool
from app.duties.postcard import Postcard
from app.duties.recipients import senders_of
from app.duties.replies import countries_without_words
from app.errors import CannotStart, SettingsInvalid
from app.fit.media import DECODERS as FITTING
from app.host.client import bucket_url
from app.host.s3 import S3Store
from app.probe.media import DECODERS as PROBING
from app.records.database import Database
from app.records.migrate import migrate, require_current_schema
from app.records.senders import sync_senders
from app.send.endpoints import is_loopback
from app.send.gateway import OpenMarketGateway
from app.settings import Settings, database_url
from app.work.queue import HueyQueue


def completed(settings: Settings) -> Settings:
    """Fill in the defaults that depend on other settings."""
    data = settings.data.dir.resolve()
    queue = settings.queue.url or f"sqlite:///{data / 'queue.sqlite'}"
    web = settings.web.base_url or f"http://127.0.0.1:{settings.web.port}"
    endpoints = settings.openmarket.endpoints or ("https://mms.openmarket.com/mms/v2/send",)
    public = settings.public.base_url or bucket_url(settings.s3)
    return replace(
        settings,
        data=replace(settings.data, dir=data),
        database=replace(settings.database, url=database_url(settings)),
        queue=replace(settings.queue, url=queue),
        web=replace(settings.web, base_url=web.rstrip("/")),
        openmarket=replace(settings.openmarket, endpoints=endpoints),
        public=replace(settings.public, base_url=public.rstrip("/")),
    )


def require_consistent(settings: Settings) -> None:
    """Refuse settings that are right one by one and wrong together.

    Raises:
        SettingsInvalid: with every mistake.
    """
    mistakes = []
    if settings.lease.lifecycle_days < settings.lease.minimum_days + 2:
        mistakes.append("POSTCARD_LEASE_LIFECYCLE_DAYS must be at least POSTCARD_LEASE_MINIMUM_DAYS + 2")
    if len(settings.secret.key) < 32:
        mistakes.append("POSTCARD_SECRET_KEY must be set to 32 characters or more (`postcard run` makes its own)")
    if len(settings.callback.secret) < 24:
        mistakes.append("POSTCARD_CALLBACK_SECRET must be set to 24 characters or more (`postcard run` makes its own)")
    if not senders_of(settings.openmarket):
        mistakes.append("POSTCARD_OPENMARKET_SOURCES, or SOURCE and MT_CONFIG, must name a sender")
    if speechless := countries_without_words(settings.openmarket):
        mistakes.append(
            "POSTCARD_OPENMARKET_STOP_TEXT and POSTCARD_OPENMARKET_HELP_TEXT must be set where POSTCARD_OPENMARKET_REPLIES "
            f"lets Postcard answer: {', '.join(speechless)}"
        )
    real = [url for url in settings.openmarket.endpoints if not is_loopback(url)]
    mistakes += [f"POSTCARD_OPENMARKET_ENDPOINTS: {url} is not https" for url in real if not url.startswith("https:")]
    if real and not (settings.openmarket.account_id and settings.openmarket.password):
        mistakes.append(
            "POSTCARD_OPENMARKET_ACCOUNT_ID and POSTCARD_OPENMARKET_PASSWORD must be set for a real endpoint"
        )
    if real and (wrong := _unreachable_for_the_world(settings.public.base_url)):
        mistakes.append(f"POSTCARD_PUBLIC_BASE_URL {wrong}: OpenMarket could not fetch the media of a real send")
    mistakes += _presign_mistakes(settings)
    if mistakes:
        raise SettingsInvalid("; ".join(mistakes), mistakes=mistakes)


def _presign_mistakes(settings: Settings) -> list[str]:
    public, mistakes = settings.public, []
    if not public.presign_days:
        return []
    if public.presign_days <= settings.lease.minimum_days:
        mistakes.append("POSTCARD_PUBLIC_PRESIGN_DAYS must be more than POSTCARD_LEASE_MINIMUM_DAYS")
    if public.base_url != bucket_url(settings.s3):
        mistakes.append("POSTCARD_PUBLIC_BASE_URL must be empty with POSTCARD_PUBLIC_PRESIGN_DAYS: S3 checks the host")
    if public.distribution_id:
        mistakes.append("POSTCARD_PUBLIC_DISTRIBUTION_ID must be empty with POSTCARD_PUBLIC_PRESIGN_DAYS")
    return mistakes


def _unreachable_for_the_world(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return "is not https"
    try:
        return "" if ipaddress.ip_address(host).is_global else "is a private address"
    except ValueError:
        return "is a name of this machine or a local network" if _is_local_name(host) else ""


def _is_local_name(host: str) -> bool:
    return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa"))


def open_database(settings: Settings) -> Database:
    """Open the database that the settings name."""
    return Database(settings.database.url, busy_seconds=settings.database.busy_seconds)


def prepare_database(settings: Settings) -> None:
    """Bring the schema up to date."""
    database = open_database(settings)
    try:
        migrate(database)
    finally:
        database.close()


def make_decoders(settings: Settings) -> DecoderPool:
    """Make the pool of confined decoders; its processes start with the first file."""
    return DecoderPool(
        settings.fit.processes,
        seconds=settings.fit.seconds,
        memory_bytes=settings.fit.memory_bytes,
        preload=(*PROBING, *FITTING),
    )


def make_store(settings: Settings) -> S3Store:
    """Make the store that the settings name."""
    public = settings.public
    return S3Store(
        settings.s3,
        public_base_url=public.base_url,
        distribution_id=public.distribution_id,
        presign_days=public.presign_days,
    )


def make_gateway(settings: Settings) -> OpenMarketGateway:
    """Make the gateway that the settings name, with what OpenMarket has confirmed in writing."""
    confirmed = frozenset(map(int, settings.openmarket.not_accepted))
    return OpenMarketGateway(settings.openmarket, not_accepted=confirmed)


def assemble(settings: Settings) -> tuple[Postcard, HueyQueue]:
    """Put the path together for one process.

    Raises:
        SettingsInvalid: settings that are wrong together.
    """
    require_consistent(settings)
    database = open_database(settings)
    require_current_schema(database)
    with database.write() as connection:
        sync_senders(connection, senders_of(settings.openmarket), at=database.now(connection))
    queue = HueyQueue(settings.queue.url)
    post = Postcard(
        settings=settings,
        database=database,
        store=make_store(settings),
        gateway=make_gateway(settings),
        queue=queue,
        decoders=make_decoders(settings),
        spool_dir=make_folder(settings.data.dir / "spool"),
        sending=threading.BoundedSemaphore(max(1, settings.queue.threads // 2)),
    )
    return post, queue


def make_folder(folder: Path) -> Path:
    """Make a folder that only we can read.

    Raises:
        CannotStart: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def own_secrets(folder: Path) -> dict[str, str]:
    """Read the secrets that `postcard run` made for this data folder, or make them once, readable by us alone."""
    made = {}
    for name in ("POSTCARD_SECRET_KEY", "POSTCARD_CALLBACK_SECRET"):
        path = folder / f"{name.removeprefix('POSTCARD_').lower()}.txt"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(36))
        made[name] = path.read_text().strip()
    return made
