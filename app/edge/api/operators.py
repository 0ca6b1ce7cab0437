"""/operators and /senders: what limits are known, and who sends."""

from dataclasses import asdict
from datetime import date
from typing import Any

from apiflask import APIBlueprint

from app.duties.recipients import known_operators
from app.edge.auth import require_admin
from app.edge.context import the_post
from app.edge.schemas.others import OperatorIn, OperatorOut, OperatorsOut, SenderOut, SendersOut
from app.errors import InvalidRequest, NotFound
from app.limits import profile_named, require_reachable
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
@blueprint.output(OperatorOut)
def change_one(operator_id: str, body: OperatorIn) -> OperatorOut:
    """Override what is shipped of an operator, or add one; what is not named stays."""
    who = require_admin()
    _check_id(operator_id)
    for name in (body.profile_by_kind or {}).values():
        profile_named(name)
    with the_post().change() as change:
        known = known_operators(change.connection).get(operator_id)
        facts = _merged(known, body, today=change.at.date())
        _check_takes(facts["max_bytes"], facts["profile_by_kind"])
        edit_operator(change.connection, operator_id, facts, updated_by=who.label, at=change.at)
        return _operator_out(known_operators(change.connection)[operator_id], edited=True)


def _check_id(operator_id: str) -> None:
    if not (operator_id.isascii() and operator_id.replace("_", "").isalnum() and len(operator_id) <= 60):
        raise InvalidRequest(
            "The id of an operator has letters, digits and _ only, such as att_us.", field="operator_id"
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
