"""/operators and /senders: what limits are known, and who sends."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from apiflask import APIBlueprint

from app.duties.limit_words import advise_edit
from app.duties.recipients import known_operators
from app.edge.auth import require_admin
from app.edge.context import the_post
from app.edge.schemas.others import OperatorChangedOut, OperatorIn, OperatorOut, OperatorsOut, SenderOut, SendersOut
from app.errors import InvalidRequest, NotFound
from app.limits import floor_named, profile_named, require_reachable
from app.model.media import Operator
from app.model.messages import SenderKind
from app.records.database import Connection
from app.records.senders import active_senders, edit_operator, operator_edits

blueprint = APIBlueprint("operators", __name__, tag="Operators and senders")
_NEEDED = ("name", "country")


def _operator_out(operator: Operator, *, edited: bool) -> OperatorOut:
    facts = {name: getattr(operator, name) for name in OperatorOut.model_fields if name != "edited"}
    return OperatorOut(**facts, edited=edited)


def operators_out(connection: Connection) -> list[OperatorOut]:
    """Show all operators, by country and name."""
    edits = operator_edits(connection)
    found = sorted(known_operators(connection).values(), key=lambda each: (each.country, each.name))
    return [_operator_out(each, edited=each.id in edits) for each in found]


@blueprint.get("/operators")
@blueprint.output(OperatorsOut)
def list_all() -> OperatorsOut:
    """List operators with what is known of their limits."""
    with the_post().database.read() as connection:
        return OperatorsOut(items=operators_out(connection))


@blueprint.get("/operators/<operator_id>")
@blueprint.output(OperatorOut)
def show_one(operator_id: str) -> OperatorOut:
    """Show one operator.

    Raises:
        NotFound: there is none.
    """
    with the_post().database.read() as connection:
        found = next((each for each in operators_out(connection) if each.id == operator_id), None)
    if found is None:
        raise NotFound(f"There is no operator {operator_id[:60]}.", id=operator_id[:60])
    return found


@blueprint.put("/operators/<operator_id>")
@blueprint.input(OperatorIn, arg_name="body")
@blueprint.output(OperatorChangedOut)
def change_one(operator_id: str, body: OperatorIn) -> OperatorChangedOut:
    """Override what is shipped of an operator, or add one; what is not named stays."""
    who = require_admin()
    for kind, name in (body.profile_by_kind or {}).items():
        profile_named(name, field=f"profile_by_kind.{kind}")
    with the_post().change() as change:
        before = known_operators(change.connection)
        _check_id(operator_id, before)
        facts = _merged(before.get(operator_id), body, today=change.at.date())
        _check_takes(facts["max_bytes"], facts["profile_by_kind"])
        _check_side(facts["side_pixels"])
        _check_openmarket_id(facts["openmarket_id"], [each for each in before.values() if each.id != operator_id])
        edit_operator(change.connection, operator_id, facts, updated_by=who.label, at=change.at)
        after = known_operators(change.connection)
    changed = _operator_out(after[operator_id], edited=True)
    return OperatorChangedOut(**dict(changed), advice=list(advise_edit(before.values(), after.values())))


def _check_id(operator_id: str, known: Mapping[str, Operator]) -> None:
    """See that an id is one, and not that of another operator but for the case of its letters.

    Raises:
        InvalidRequest: it is not.
    """
    if not (operator_id.isascii() and operator_id.replace("_", "").isalnum() and len(operator_id) <= 60):
        raise InvalidRequest(
            "The id of an operator has letters, digits and _ only, such as att_us.", field="operator_id"
        )
    same = next((each for each in known if each.lower() == operator_id.lower()), operator_id)
    if operator_id not in known and same != operator_id:
        raise InvalidRequest(f"There is {same} already; use that id, or one of its own.", field="operator_id")


def _check_side(side_pixels: int) -> None:
    """See that a side is one that handsets have; 0 = that of the profile.

    Raises:
        InvalidRequest: it is shorter.
    """
    least = int(floor_named("operator_side").value)
    if 0 < side_pixels < least:
        message = f"must be {least} or more, or 0 for that of the profile"
        raise InvalidRequest(
            f"No operator shows only {side_pixels} pixels: the side {message}.",
            errors=[{"field": "side_pixels", "message": message}],
        )


def _check_openmarket_id(openmarket_id: int | None, others: Iterable[Operator]) -> None:
    """See that an id of OpenMarket stands for one operator, so that a recipient's has one limit.

    Raises:
        InvalidRequest: another one has it.
    """
    other = next((each for each in others if openmarket_id is not None and each.openmarket_id == openmarket_id), None)
    if other is not None:
        message = f"{other.name} has it ({other.id})"
        raise InvalidRequest(
            f"The OpenMarket id {openmarket_id} is taken: {message}; give that one another id, or null, first.",
            errors=[{"field": "openmarket_id", "message": message}],
        )


def _check_takes(max_bytes: int, profile_by_kind: dict[str, str]) -> None:
    """See that no kind of sender sends an operator more than it takes; 0 = that is not known.

    Raises:
        InvalidRequest: with the field of each profile that is larger, or no profile is small enough.
    """
    require_reachable(max_bytes)
    errors = [
        {
            "field": f"profile_by_kind.{kind}",
            "message": f"{name} is {profile_named(name).max_bytes:,} bytes; the operator takes {max_bytes:,}",
        }
        for kind, name in profile_by_kind.items()
        if 0 < max_bytes < profile_named(name).max_bytes
    ]
    if errors:
        raise InvalidRequest(
            f"The operator takes {max_bytes:,} bytes; name a profile that is no larger for each kind of sender.",
            errors=errors,
        )


def _merged(known: Operator | None, body: OperatorIn, *, today: date) -> dict[str, Any]:
    """Lay what was sent over what is known.

    Raises:
        InvalidRequest: a new operator lacks name or country, or a kind of sender is unknown.
    """
    given = {name: value for name, value in body.model_dump(mode="json").items() if value is not None}
    if "openmarket_id" in body.model_fields_set:
        given["openmarket_id"] = body.openmarket_id  # null = not known any more
    if known is None and (missing := [name for name in _NEEDED if name not in given]):
        errors = [{"field": name, "message": "a new operator needs it"} for name in missing]
        raise InvalidRequest(f"A new operator needs {' and '.join(missing)}.", errors=errors)
    kinds = {kind.value for kind in SenderKind}
    if unknown := set(given.get("profile_by_kind", {})) - kinds:
        known_kinds = ", ".join(sorted(kinds))
        errors = [
            {"field": f"profile_by_kind.{each}", "message": f"must be one of {known_kinds}"} for each in sorted(unknown)
        ]
        raise InvalidRequest(f"Kinds of sender are {known_kinds}; not {', '.join(sorted(unknown))}.", errors=errors)
    usual: dict[str, Any] = {
        "openmarket_id": None,
        "profile_by_kind": {},
        "side_pixels": 0,
        "max_bytes": 0,
        "source": "edited here",
    }
    if known is not None:
        usual = {**asdict(known)}
        usual.pop("id")
    profiles = {**usual["profile_by_kind"], **given.pop("profile_by_kind", {})}
    return {**usual, "dated": today.isoformat(), **given, "profile_by_kind": profiles}


@blueprint.get("/senders")
@blueprint.output(SendersOut)
def list_senders() -> SendersOut:
    """List the senders that serve, one for each country."""
    with the_post().database.read() as connection:
        found = active_senders(connection)
    items = [SenderOut(**{**asdict(each), "kind": each.kind.value}) for _, each in sorted(found.items())]
    return SendersOut(items=items)
