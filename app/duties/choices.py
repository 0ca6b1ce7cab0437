"""What a caller may choose to have made of an asset, and what is offered when it cannot go out as it is."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.duties.limit_words import taken_by
from app.errors import CannotFit, InvalidMessage, InvalidRequest
from app.fit.choice import FORMS, require_possible
from app.fit.foresee import is_foreseen_to_fit
from app.limits import budget_of, profiles
from app.model.media import WHOLE, Asset, AssetState, Choice, Form, Kind, Operator, Profile
from app.records.choices import choice_to_json

# How the fitters call what they offer, and the form that it is.
_OFFERED = {"mp4": Form.MP4, "video": Form.MP4, "first_frame": Form.FIRST_FRAME, "3gp": Form.THREE_GP}
_FIELDS = {"form": "as", "start": "cut.start", "seconds": "cut.seconds"}


def forms_of(asset: Asset) -> list[str]:
    """Name the forms that can be asked for."""
    return [form.value for form in FORMS[asset.facts.kind] if form is not Form.AUTO]


def require_choosable(asset: Asset, choice: Choice, *, place: str = "") -> None:
    """Refuse a form that this kind of file cannot take, or a cut that is not inside of it.

    ``place`` is what stands before the fields in what the caller sent, such as ``parts.0.``.

    Raises:
        InvalidRequest: in the words of the API, with what is possible.
    """
    try:
        require_possible(asset.facts, choice)
    except InvalidRequest as error:
        errors = [{**each, "field": place + _FIELDS[each["field"]]} for each in error.facts["errors"]]
        possible = {"forms": forms_of(asset), "length_seconds": asset.facts.seconds}
        raise InvalidRequest(error.detail, errors=errors, asset_id=asset.id, **possible) from error


def require_sendable(asset: Asset, choice: Choice, limits: Iterable[Profile], *, place: str) -> None:
    """Refuse early what is known not to become anything: an asset that failed, as it is, for no larger limit.

    ``limits`` are those of the recipients, ``place`` as for :func:`require_choosable`. What was chosen instead is made when
    the campaign is prepared.

    Raises:
        InvalidMessage: with ``choices``, where there are any.
    """
    require_choosable(asset, choice, place=place)
    failure = asset.failure
    if failure is None or (choice != WHOLE and _may_be_chosen(failure)):
        return
    failed_for = failure.get("limit_bytes")
    larger = failed_for is not None and all(budget_of(limit).max_bytes > failed_for for limit in limits)
    if larger or (asset.state is AssetState.READY and failed_for is None):
        return
    more = {"choices": failure["choices"]} if failure.get("choices") else {}
    raise InvalidMessage(
        f"The asset {asset.id} cannot be sent as it is: {failure.get('detail', 'it failed')}",
        field=f"{place}asset_id",
        asset_id=asset.id,
        **more,
    )


def _may_be_chosen(failure: Mapping[str, Any]) -> bool:
    return bool(failure.get("choices")) or failure.get("slug") == "fitting-cancelled"


def facts_with_choices(error: CannotFit, asset: Asset, choice: Choice, operators: Iterable[Operator]) -> dict[str, Any]:
    """Name what would fit instead as data, each as it is sent back: ``{"as": ...}``, ``{"cut": {...}}`` or both.

    ``{"profile": ...}`` stands for all of it within a larger limit, and ``larger`` says which ``operators`` take that.
    """
    facts = dict(error.facts)
    instead = [str(each) for each in facts.pop("instead", [])]
    lengths = [float(facts.get(name, 0)) for name in ("good_seconds", "fits_seconds") if "cut" in instead]
    cuts = [Choice(choice.form, choice.start, seconds) for seconds in lengths if seconds >= 1]
    forms = [Choice(_OFFERED[each]) for each in instead if each in _OFFERED]
    if asset.facts.kind is Kind.VIDEO and choice.form is not Form.FIRST_FRAME:
        forms.append(Choice(Form.FIRST_FRAME))
    choices = [choice_to_json(each) for each in dict.fromkeys([*cuts, *forms]) if each != choice]
    larger = _larger_profile(asset, choice, int(facts.get("limit_bytes", 0)))
    if larger is not None:
        choices.insert(len(cuts), {"profile": larger.name, **choice_to_json(choice)})
        told = taken_by(larger, operators)
        facts["larger"] = {"profile": larger.name, "limit_bytes": larger.max_bytes, "taken_by": told}
    return {**facts, "choices": choices, "asset_id": asset.id}


def _larger_profile(asset: Asset, choice: Choice, limit_bytes: int) -> Profile | None:
    """Find the smallest profile that would take what did not fit the budget of another one; None when no profile would.

    Where ``limit_bytes`` was a share of a message, beside other parts, nobody can tell from one of them what it would need.
    """
    budgets = {name: budget_of(profile) for name, profile in profiles().items()}
    if limit_bytes not in {budget.max_bytes for budget in budgets.values()}:
        return None
    larger = [name for name, budget in budgets.items() if budget.max_bytes > limit_bytes]
    fits = (name for name in larger if is_foreseen_to_fit(asset.facts, budgets[name], choice))
    return next((profiles()[name] for name in fits), None)
