"""Settings: environment variables ``POSTCARD_<SECTION>_<FIELD>``, read once at start into frozen dataclasses.

Every field says its unit, its default and the meaning of zero in its ``doc``; docs/settings.md is written from here.
All mistakes are reported together; unknown variables are a warning. Facts about the world (operator limits) are data in
limits/, not settings.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from dotenv import dotenv_values

from app.errors import SettingsInvalid

PREFIX = "POSTCARD_"
Check = Callable[[Any], str]


def _setting(default: Any, doc: str, *, secret: bool = False, check: Check | None = None) -> Any:
    """Declare a setting: ``check`` returns what is wrong with a value, or an empty string."""
    return field(default=default, metadata={"doc": doc, "secret": secret, "check": check}, repr=not secret)


def _between(low: float, high: float) -> Check:
    return lambda value: "" if low <= value <= high else f"must be from {low:g} to {high:g}"


def _one_of(*values: str) -> Check:
    return lambda value: "" if value in values else f"must be one of {', '.join(values)}"


def _url(*schemes: str) -> Check:
    def check(value: str) -> str:
        parts = urlsplit(value)
        if not value or (parts.scheme in schemes and (parts.netloc or parts.scheme.startswith("sqlite"))):
            return ""
        return f"must be a URL that starts with {' or '.join(scheme + '://' for scheme in schemes)}"

    return check


def _each(check: Check) -> Check:
    return lambda values: next((wrong for wrong in map(check, values) if wrong), "")


def _sources(values: tuple[str, ...]) -> str:
    wrong = [value for value in values if not re.fullmatch(r"[A-Z]{2}:\d{3,15}/[^/\s@]+(@[1-9]\d{0,3})?", value)]
    return f"must look like US:88600/config1 or US:88600/config1@5; wrong: {', '.join(wrong)}" if wrong else ""


def _numbers(values: tuple[str, ...]) -> str:
    if len(values) > 20:
        return "may hold at most 20 numbers"
    wrong = [value for value in values if not re.fullmatch(r"\+?\d{8,15}", value)]
    return f"must be numbers in international format; wrong: {', '.join(wrong)}" if wrong else ""


def _replies(values: tuple[str, ...]) -> str:
    wrong = [value for value in values if not re.fullmatch(r"[A-Z]{2}:(postcard|openmarket)", value)]
    return f"must look like US:postcard,GB:openmarket; wrong: {', '.join(wrong)}" if wrong else ""


def _days(least: int) -> Check:
    def check(value: int) -> str:
        return "" if value == 0 or least <= value <= 36_500 else f"must be 0, or between {least} and 36500"

    return check


def texts_by_country(value: str) -> dict[str, str]:
    """Read one text for all, or one for each country: ``For all|GB:For these``. The text for all has the key ``""``."""
    found: dict[str, str] = {}
    for each in value.split("|"):
        country = each.strip()[:2] if re.match(r"\s*[A-Z]{2}:", each) else ""
        found[country] = each.strip()[len(country) + 1 if country else 0 :].strip()
    return found


def _texts(value: str) -> str:
    texts = texts_by_country(value)
    if len(texts) != value.count("|") + 1:
        return "must name each country once, and hold one text without a country at most"
    short = all(len(text) <= 500 for text in texts.values()) and value.isprintable()
    return "" if short else "must be at most 500 characters a country, all in one line"


def _codes_or_statuses(values: tuple[str, ...]) -> str:
    wrong = [value for value in values if not re.fullmatch(r"15\d{3}|[345]\d{2}", value)]
    return f"must be codes such as 15000 or HTTP statuses from 300 to 599; wrong: {', '.join(wrong)}" if wrong else ""


def _networks(values: tuple[str, ...]) -> str:
    import ipaddress

    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            return f"must be networks such as 192.0.2.0/24; wrong: {value}"
    return ""


_HTTP = _url("http", "https")
check_database_url = _url("sqlite", "postgresql+psycopg")
"""Tell what is wrong with the URL of a database; empty = nothing."""


@dataclass(frozen=True)
class Data:
    """Where this machine keeps what is embedded."""

    dir: Path = _setting(Path("data"), "Folder of the embedded store, databases, keys and spool files.")


@dataclass(frozen=True)
class Database:
    """Where the rows are."""

    url: str = _setting(
        "",
        "`sqlite:///path` or `postgresql+psycopg://user:password@host/name`. Empty: `postcard.sqlite` in the data folder.",
        secret=True,
        check=check_database_url,
    )
    busy_seconds: float = _setting(
        10.0, "Seconds to wait for a lock of the database before *database-busy*.", check=_between(0.1, 120)
    )


@dataclass(frozen=True)
class Queue:
    """Where work is announced; the truth is in the database."""

    url: str = _setting(
        "",
        "`sqlite:///path`, `postgresql://...` or `redis://...`. Empty: `queue.sqlite` in the data folder.",
        secret=True,
        check=_url("sqlite", "postgresql", "redis", "rediss"),
    )
    threads: int = _setting(
        4, "Jobs that one worker process does at once; half of them may be campaigns that send.", check=_between(2, 64)
    )


@dataclass(frozen=True)
class S3:
    """The store. Credentials as boto3 finds them (environment, profile, instance role)."""

    endpoint_url: str = _setting(
        "", "S3 endpoint. Empty: AWS, or the embedded store under `postcard run`.", check=_HTTP
    )
    bucket: str = _setting("media", "Bucket name.")
    region: str = _setting("us-east-1", "Region of the bucket.")
    connect_seconds: float = _setting(3.0, "Seconds to wait for a connection.", check=_between(0.1, 60))
    read_seconds: float = _setting(20.0, "Seconds to wait for an answer.", check=_between(0.1, 300))
    attempts: int = _setting(3, "Tries of one request, the first included.", check=_between(1, 10))
    media_prefix: str = _setting("m/", "Key prefix of renditions: public.")
    originals_prefix: str = _setting("originals/", "Key prefix of uploads: private.")
    cache_seconds: int = _setting(
        604_800,
        "`max-age` of hosted media in seconds; three days (259,200) at least.",
        check=_between(259_200, 31_536_000),
    )


@dataclass(frozen=True)
class Public:
    """Where the world, OpenMarket included, fetches media."""

    base_url: str = _setting(
        "",
        "Address under which keys are public: bucket or CDN, without a slash at the end. Empty: endpoint/bucket.",
        check=_HTTP,
    )
    presign_days: int = _setting(
        0,
        "Days that a signed link to a private bucket holds, at most 7 and more than POSTCARD_LEASE_MINIMUM_DAYS; each group of "
        "messages gets links of its own, which OpenMarket's cache cannot share. 0 = off: media are public, or behind a CDN.",
        check=_between(0, 7),
    )
    distribution_id: str = _setting(
        "", "CloudFront distribution in front of the bucket; it forgets what is deleted or taken down. Empty: none."
    )


@dataclass(frozen=True)
class Lease:
    """How long hosted objects stay."""

    minimum_days: int = _setting(
        4, "Days that an object stays past the last request that names it; never under 3.", check=_between(3, 365)
    )
    lifecycle_days: int = _setting(
        30,
        "Days after the last write at which the bucket's rule removes media; `bucket apply` writes it.",
        check=_between(6, 3650),
    )


@dataclass(frozen=True)
class Originals:
    """How long uploads are kept."""

    days: int = _setting(0, "Days to keep uploads; 0 = until deleted.", check=_between(0, 3650))


@dataclass(frozen=True)
class Retention:
    """How long rows are kept; messages, reports and suppressions stay."""

    callbacks_days: int = _setting(
        90,
        "Days to keep the bytes of what OpenMarket posted, at least 7 (a report may wait 96 hours for its message); 0 = for "
        "ever. What was read from them stays. A quarter is ours: a month's bill is questioned in the next.",
        check=_days(7),
    )
    answers_days: int = _setting(
        90, "Days to keep the text of OpenMarket's answers; 0 = for ever. Codes and ids stay.", check=_days(7)
    )
    keys_days: int = _setting(
        7, "Days in which an Idempotency-Key gets its first answer again; 0 = for ever.", check=_days(1)
    )
    jobs_days: int = _setting(
        7, "Days to keep jobs that ended, and announced uploads, for a look back; 0 = for ever.", check=_days(1)
    )
    audit_days: int = _setting(
        1461,
        "Days to keep the audit; 0 = for ever. Four years: so long a claim under the US TCPA may be brought (28 U.S.C. 1658).",
        check=_days(1),
    )


@dataclass(frozen=True)
class Upload:
    """What may come in."""

    max_bytes: int = _setting(50_000_000, "Longest upload in bytes.", check=_between(1_000, 5_000_000_000))
    max_pixels: int = _setting(200_000_000, "Most pixels of a still, width x height.", check=_between(1, 1_000_000_000))
    direct_bytes: int = _setting(
        20_000_000,
        "Files longer than this go from the send page straight to the store, and on again after a lost connection; 0 = never. "
        "The bucket must allow the page's origin (`bucket apply` sees to it); where the browser cannot reach the store, they go "
        "through Postcard.",
        check=_between(0, 5_000_000_000),
    )
    fetch_seconds: float = _setting(30.0, "Seconds that fetching a URL may take.", check=_between(1, 300))
    fetch_http: bool = _setting(False, "Also fetch http:// URLs (otherwise https only).")
    fetch_private: bool = _setting(
        False, "Also fetch from private and loopback addresses. For tests on one machine only."
    )


@dataclass(frozen=True)
class Fit:
    """The decoders."""

    setting: str = _setting(
        "best",
        "`best` or `fast`, for stills and video: [when to choose which](runbook.md#best-or-fast). What was made stays as it is.",
        check=_one_of("best", "fast"),
    )
    processes: int = _setting(2, "Confined decoder processes of the worker.", check=_between(1, 64))
    seconds: float = _setting(60.0, "Wall-clock seconds after which a decoder is killed.", check=_between(1, 600))
    memory_bytes: int = _setting(
        2_000_000_000, "Address space of one decoder in bytes.", check=_between(300_000_000, 64_000_000_000)
    )


@dataclass(frozen=True)
class OpenMarket:
    """The account that sends."""

    endpoints: tuple[str, ...] = _setting(
        (),
        "Send URLs in order of preference, comma-separated. Empty: the sandbox under `postcard run`, "
        "https://mms.openmarket.com/mms/v2/send otherwise.",
        check=_each(_HTTP),
    )
    account_id: str = _setting("", "Account id; case-sensitive.")
    password: str = _setting("", "Account password; case-sensitive.", secret=True)
    source: str = _setting("", "Source for countries that POSTCARD_OPENMARKET_SOURCES does not name; digits, no +.")
    mt_config: str = _setting("", "MT configuration for the same.")
    sources: tuple[str, ...] = _setting(
        (),
        "Per country, e.g. `US:88600/config1,GB:447700900750/config2`; `@5` behind one = at most 5 messages per second by it.",
        check=_sources,
    )
    tps: int = _setting(10, "Messages per second that the account may send.", check=_between(1, 10_000))
    connections: int = _setting(16, "Open connections, so also messages under way at once.", check=_between(1, 1024))
    connect_seconds: float = _setting(5.0, "Seconds to wait for a connection, TLS included.", check=_between(0.1, 60))
    answer_seconds: float = _setting(
        30.0, "Seconds to wait for an answer; past it the message is *unknown*.", check=_between(0.1, 300)
    )
    attempts: int = _setting(
        5, "Tries of one message, counting only what certainly was not accepted.", check=_between(1, 20)
    )
    replies: tuple[str, ...] = _setting(
        (),
        "Who answers STOP and HELP, per sender's country, e.g. `US:postcard,GB:openmarket`. Countries not named: OpenMarket. "
        "Numbers are suppressed in any case.",
        check=_replies,
    )
    stop_text: str = _setting(
        "",
        "Postcard's answer to STOP: the one confirmation, with the name of the programme and no marketing. Needed where "
        "Postcard answers. Other words for the sender of a country stand behind a bar: `Deals: you are out.|GB:Deals UK: you "
        "are out.`",
        check=_texts,
    )
    help_text: str = _setting(
        "",
        "Postcard's answer to HELP: the name of the programme, how to get help and how to stop. Needed where Postcard answers. "
        "Per country as above.",
        check=_texts,
    )
    not_accepted: tuple[str, ...] = _setting(
        (),
        "Codes, or HTTP statuses of answers without a code, that OpenMarket confirmed to you in writing to mean *not accepted*, "
        "e.g. `15000,503`: such a message is tried again instead of being *unknown*. Empty: nothing is confirmed. A wrong "
        "entry sends messages twice.",
        check=_codes_or_statuses,
    )


@dataclass(frozen=True)
class Live:
    """The live lock: real handsets are reached only on purpose."""

    allowed_numbers: tuple[str, ...] = _setting(
        (), "At most 20 numbers that may be sent to through a real endpoint while the lock is closed.", check=_numbers
    )
    send_to_any_number: bool = _setting(
        False, "`true` opens the lock: every recipient of every campaign is really sent to, and paid for."
    )


@dataclass(frozen=True)
class Callback:
    """What OpenMarket posts to us."""

    secret: str = _setting("", "Last segment of the callback URL, 24 characters or more.", secret=True)
    previous_secret: str = _setting(
        "", "A second secret that is valid too, while OpenMarket changes over.", secret=True
    )
    networks: tuple[str, ...] = _setting((), "Networks that may post; empty = any.", check=_networks)
    max_bytes: int = _setting(5_000_000, "Longest callback body in bytes.", check=_between(10_000, 100_000_000))


@dataclass(frozen=True)
class Secret:
    """What signs cookies and links."""

    key: str = _setting("", "Signs sessions and sign-in links; 32 characters or more.", secret=True)


@dataclass(frozen=True)
class Web:
    """The pages and the API."""

    port: int = _setting(8000, "Port on loopback.", check=_between(0, 65_535))
    host: str = _setting("127.0.0.1", "Address to listen on.")
    base_url: str = _setting(
        "", "Own address of pages and API: links, Origin, problem types. Empty: http://127.0.0.1:PORT.", check=_HTTP
    )
    threads: int = _setting(16, "Threads of the web server: requests at once.", check=_between(1, 256))
    wait_seconds: float = _setting(
        20.0, "Seconds that an upload waits for its renditions before it answers 202.", check=_between(0, 100)
    )
    trusted_proxies: int = _setting(
        0, "Proxies in front whose X-Forwarded-* are believed; 0 = none.", check=_between(0, 5)
    )


@dataclass(frozen=True)
class Sandbox:
    """The OpenMarket on this machine."""

    callback_url: str = _setting(
        "", "Where the sandbox posts reports. Empty: this machine's own callback address.", check=_HTTP
    )
    port: int = _setting(
        0, "Port on loopback; 0 = a free one, remembered in the data folder.", check=_between(0, 65_535)
    )


@dataclass(frozen=True)
class Log:
    """What is told."""

    level: str = _setting("info", "debug, info, warning or error.", check=_one_of("debug", "info", "warning", "error"))


@dataclass(frozen=True)
class Settings:
    """All sections."""

    data: Data = field(default_factory=Data)
    database: Database = field(default_factory=Database)
    queue: Queue = field(default_factory=Queue)
    s3: S3 = field(default_factory=S3)
    public: Public = field(default_factory=Public)
    lease: Lease = field(default_factory=Lease)
    originals: Originals = field(default_factory=Originals)
    retention: Retention = field(default_factory=Retention)
    upload: Upload = field(default_factory=Upload)
    fit: Fit = field(default_factory=Fit)
    openmarket: OpenMarket = field(default_factory=OpenMarket)
    live: Live = field(default_factory=Live)
    callback: Callback = field(default_factory=Callback)
    secret: Secret = field(default_factory=Secret)
    web: Web = field(default_factory=Web)
    sandbox: Sandbox = field(default_factory=Sandbox)
    log: Log = field(default_factory=Log)


def database_url(settings: Settings) -> str:
    """Tell where the rows are; without a setting in the data folder."""
    return settings.database.url or f"sqlite:///{settings.data.dir.resolve() / 'postcard.sqlite'}"


_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _parse(kind: Any, text: str) -> Any:
    """Turn text into ``kind``.

    Raises:
        ValueError: with what was expected.
    """
    text = text.strip()
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError("must be true or false")
        return text.lower() in _TRUE
    if kind is int or kind is float:
        try:
            return kind(text)
        except ValueError:
            raise ValueError("must be a whole number" if kind is int else "must be a number") from None
    if kind is Path:
        return Path(text)
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def variable_name(section: str, name: str) -> str:
    """Name the environment variable of a field: ("s3", "bucket") is POSTCARD_S3_BUCKET."""
    return f"{PREFIX}{section}_{name}".upper()


def _read_section(kind: Any, section: str, values: Mapping[str, str], mistakes: list[str]) -> Any:
    types = get_type_hints(kind)
    chosen: dict[str, Any] = {}
    for each in dataclasses.fields(kind):
        name = variable_name(section, each.name)
        text = values.get(name)
        if text is None:
            continue
        try:
            value = _parse(types[each.name], text)
        except ValueError as wrong:
            mistakes.append(f"{name} {wrong}")
            continue
        check: Check | None = each.metadata["check"]
        said = check(value) if check else ""
        if said:
            mistakes.append(f"{name} {said}")
        chosen[each.name] = value
    return kind(**chosen)


def known_variables() -> dict[str, tuple[str, Any]]:
    """Map every variable to its section and field, in the order of the page."""
    return {
        variable_name(section.name, each.name): (section.name, each)
        for section in dataclasses.fields(Settings)
        for each in dataclasses.fields(get_type_hints(Settings)[section.name])
    }


def read_settings(values: Mapping[str, str] | None = None) -> tuple[Settings, list[str]]:
    """Read all settings from ``values`` (default: a ``.env`` file under the environment).

    Returns:
        the settings, and one warning for each unknown POSTCARD_ variable.

    Raises:
        SettingsInvalid: with every mistake, not the first alone.
    """
    if values is None:
        from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
        values = {**from_file, **os.environ}
    mistakes: list[str] = []
    hints = get_type_hints(Settings)
    sections = {
        section.name: _read_section(hints[section.name], section.name, values, mistakes)
        for section in dataclasses.fields(Settings)
    }
    known = known_variables()
    unknown = sorted(name for name in values if name.startswith(PREFIX) and name not in known)
    warnings = [f"{name} is not a setting of Postcard; docs/settings.md lists all" for name in unknown]
    if mistakes:
        raise SettingsInvalid("; ".join(mistakes), mistakes=mistakes, warnings=warnings)
    return Settings(**sections), warnings
