"""Who can be sent to: by which sender, within which profile, and whether the live lock lets them through."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from app.duties.postcard import Postcard
from app.errors import LiveLocked, NoSender
from app.limits import auto_profile, operators, profile_for, profile_named
from app.model.ids import new_id
from app.model.media import Operator, Profile
from app.model.messages import Recipient, Sender, SenderKind
from app.model.status import MessageState
from app.records.campaigns import NewMessage
from app.records.database import Connection
from app.records.messages import numbers_of
from app.records.senders import active_senders, ensure_sender, operator_edits
from app.send.endpoints import is_loopback
from app.settings import Live, OpenMarket

COUNTRIES = ("US", "GB", "IE", "AU")  # where OpenMarket's MMS is available; reference: "Send an MMS", quick facts
_US_TOLL_FREE = ("1800", "1833", "1844", "1855", "1866", "1877", "1888")


def kind_of_source(source: str) -> SenderKind:
    """Tell a short code (3-7 digits), a US toll-free number and a virtual mobile number apart."""
    if len(source) <= 7:
        return SenderKind.SHORT_CODE
    return SenderKind.TOLL_FREE if source.startswith(_US_TOLL_FREE) else SenderKind.VIRTUAL_MOBILE


def senders_of(openmarket: OpenMarket) -> list[Sender]:
    """Read the senders of the settings: one for each country named, SOURCE and MT_CONFIG for the others."""
    named: dict[str, Sender] = {}
    for entry in openmarket.sources:
        country, rest = entry.split(":", 1)
        source, config = rest.split("/", 1)
        mt_config, _, tps = config.partition("@")
        named[country] = replace(_sender(country, source, mt_config), tps=int(tps or 0))
    if openmarket.source and openmarket.mt_config:
        for country in COUNTRIES:
            named.setdefault(country, _sender(country, openmarket.source, openmarket.mt_config))
    return list(named.values())


def _sender(country: str, source: str, mt_config: str) -> Sender:
    return Sender(new_id("snd"), country, source, kind_of_source(source), mt_config, 0)


def known_operators(connection: Connection) -> dict[str, Operator]:
    """Read the operators that ship with Postcard, with what an admin edited laid over them."""
    merged = dict(operators())
    for operator_id, facts in operator_edits(connection).items():
        merged[operator_id] = Operator(**{**_operator_fields(merged.get(operator_id), operator_id), **facts})
    return merged


def _operator_fields(operator: Operator | None, operator_id: str) -> dict[str, object]:
    if operator is None:
        return {"id": operator_id}
    return {name: getattr(operator, name) for name in Operator.__slots__}


class _Limits:
    """Which profile a recipient gets: the one that was named, or what the operators take, an admin's edits included.

    A known operator's own side holds in both cases: a longer one is bytes that its handsets throw away.
    """

    def __init__(self, known: Iterable[Operator], wanted: str) -> None:
        self._known = list(known)
        self._wanted = wanted
        # By country, too: an operator of another country is not whose customer a number of this one is. And rows of an
        # installation may give one id to several: the least of them holds.
        self._numbered: dict[tuple[str, int | None], list[Operator]] = defaultdict(list)
        for each in self._known:
            if each.openmarket_id:
                self._numbered[each.country, each.openmarket_id].append(each)
        self._of_country: dict[tuple[str, SenderKind], Profile] = {}

    def of(self, country: str, kind: SenderKind, operator_id: int | None) -> Profile:
        """Tell the profile for one recipient; those of unknown operators are worked out once a country and kind."""
        theirs = self._numbered.get((country, operator_id), ())
        if self._wanted != "auto":
            profile = profile_named(self._wanted)
            sides = (each.side_pixels or profile.side_pixels for each in theirs)
            return replace(profile, side_pixels=min([profile.side_pixels, *sides]))
        if theirs:
            return min(
                (profile_for(each, kind) for each in theirs), key=lambda each: (each.max_bytes, each.side_pixels)
            )
        if (country, kind) not in self._of_country:
            self._of_country[country, kind] = auto_profile(country, kind, known=self._known)
        return self._of_country[country, kind]


def choose_senders(
    connection: Connection, recipients: Sequence[Recipient], *, openmarket: OpenMarket, source: str, mt_config: str
) -> dict[str, Sender]:
    """Name the sender of each country: the usual one, or the one that a campaign names itself.

    Nothing is written: one that a campaign names may have no row yet, see :func:`keep_senders`.

    Raises:
        NoSender: some countries have none.
    """
    usual = active_senders(connection)
    countries = {each.country for each in recipients}
    chosen = {}
    for country in countries:
        sender = usual.get(country)
        if source or mt_config:
            named = source or (sender.source if sender else openmarket.source)
            config = mt_config or (sender.mt_config if sender else openmarket.mt_config)
            sender = _sender(country, named, config) if named and config else None
        if sender is not None:
            chosen[country] = sender
    missing = sorted(countries - chosen.keys())
    if missing:
        raise NoSender(
            f"There is no sender for {', '.join(missing)}; nothing was created.",
            countries=missing,
            recipients=[each.number for each in recipients if each.country in missing],
        )
    return chosen


def keep_senders(
    connection: Connection, senders: Mapping[str, Sender], messages: Sequence[NewMessage], *, at: datetime
) -> list[NewMessage]:
    """Find or make the rows of senders that a campaign names itself, and let its messages name those rows."""
    rows = {sender.id: ensure_sender(connection, sender, at=at).id for sender in senders.values()}
    return [replace(each, sender_id=rows[each.sender_id]) for each in messages]


def assign_recipients(
    connection: Connection,
    recipients: Iterable[Recipient],
    *,
    senders: Mapping[str, Sender],
    profile: str,
    learnt: Mapping[str, int] = MappingProxyType({}),
) -> list[NewMessage]:
    """Give each recipient the sender of the country and the profile that fits sender and operator.

    ``learnt`` maps numbers to the operators that their own messages named: they choose the profile where the caller named
    none, and are not sent.
    """
    limits = _Limits(known_operators(connection).values(), profile)
    return [
        _new_message(
            each,
            senders[each.country],
            limits,
            learnt.get(each.number) if each.operator_id is None else each.operator_id,
        )
        for each in recipients
    ]


def _new_message(recipient: Recipient, sender: Sender, limits: _Limits, operator_id: int | None) -> NewMessage:
    """Make the message of one recipient; an operator's own side is kept where it differs from the profile's."""
    limit = limits.of(recipient.country, sender.kind, operator_id)
    own_side = limit.side_pixels if limit.side_pixels != profile_named(limit.name).side_pixels else 0
    return NewMessage(recipient, sender.id, limit.name, own_side)


def is_locked(openmarket: OpenMarket, live: Live) -> bool:
    """Tell whether an endpoint is a real one and the live lock is closed."""
    return not live.send_to_any_number and not all(is_loopback(url) for url in openmarket.endpoints)


def require_unlocked_campaign(post: Postcard, campaign_id: str) -> None:
    """Look at the lock again before a campaign's messages leave: settings may have changed since it began."""
    if is_locked(post.settings.openmarket, post.settings.live):
        with post.database.read() as connection:
            waiting = numbers_of(connection, campaign_id, state=MessageState.PENDING)
        require_unlocked(waiting, post.settings.openmarket, post.settings.live)


def require_unlocked(recipients: Iterable[str], openmarket: OpenMarket, live: Live) -> None:
    """Keep real handsets from being sent to by accident.

    Raises:
        LiveLocked: an endpoint is a real one, the lock is closed, and these numbers are not on the allow-list.
    """
    if not is_locked(openmarket, live):
        return
    allowed = {number.lstrip("+") for number in live.allowed_numbers}
    locked = [number for number in recipients if number not in allowed]
    if locked:
        raise LiveLocked(
            f"{len(locked)} of the numbers are not on the allow-list, and the live lock is closed.",
            recipients=locked[:100],
            count=len(locked),
        )
