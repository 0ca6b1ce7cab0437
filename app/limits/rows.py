"""The rows as shipped, read once."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType

from app.errors import InvalidRequest, NotFound
from app.model.media import Operator, Profile
from app.model.messages import SenderKind


def _rows(name: str) -> Iterator[dict[str, str]]:
    with resources.files(__package__).joinpath(name).open(encoding="utf-8") as text:
        yield from csv.DictReader(text)


@cache
def profiles() -> Mapping[str, Profile]:
    """Map names to profiles, from the smallest to the largest."""
    return MappingProxyType(
        {
            row["name"]: Profile(
                name=row["name"],
                max_bytes=int(row["max_bytes"]),
                side_pixels=int(row["side_pixels"]),
                purpose=row["purpose"],
                source=row["source"],
                dated=date.fromisoformat(row["dated"]),
            )
            for row in _rows("profiles.csv")
        }
    )


@cache
def operators() -> Mapping[str, Operator]:
    """Map ids such as ``att_us`` to operators."""
    return MappingProxyType(
        {
            row["id"]: Operator(
                id=row["id"],
                name=row["name"],
                country=row["country"],
                openmarket_id=int(row["openmarket_id"]) if row["openmarket_id"] else None,
                profile_by_kind={kind.value: row[kind.value] for kind in SenderKind},
                side_pixels=int(row["side_pixels"]),
                max_bytes=int(row["max_bytes"]),
                source=row["source"],
                dated=date.fromisoformat(row["dated"]),
            )
            for row in _rows("operators.csv")
        }
    )


@dataclass(frozen=True, slots=True)
class Floor:
    """What nothing is made worse than, with what it is for and where the figure comes from."""

    name: str
    value: float
    unit: str
    purpose: str
    source: str
    dated: date


@cache
def floors() -> Mapping[str, Floor]:
    """Map names such as ``animation_side`` to floors."""
    return MappingProxyType(
        {
            row["name"]: Floor(
                name=row["name"],
                value=float(row["value"]),
                unit=row["unit"],
                purpose=row["purpose"],
                source=row["source"],
                dated=date.fromisoformat(row["dated"]),
            )
            for row in _rows("floors.csv")
        }
    )


def floor_named(name: str) -> Floor:
    """Look a floor up; a name that is none is a bug."""
    return floors()[name]


def profile_named(name: str, *, field: str = "profile", takes_auto: bool = False) -> Profile:
    """Look a profile up.

    Args:
        name: as somebody wrote it.
        field: where it stands in what they sent.
        takes_auto: *auto* could stand there, too; it is no profile.

    Raises:
        InvalidRequest: there is none of this name; the sentence lists those that are.
    """
    found = profiles().get(name)
    if found is None:
        known = ", ".join((*profiles(), "auto") if takes_auto else profiles())
        raise InvalidRequest(
            f"There is no profile {name[:40]!r}; choose one of {known}.",
            errors=[{"field": field, "message": f"must be one of {known}"}],
        )
    return found


def operator_named(name: str) -> Operator:
    """Look an operator up by its id.

    Raises:
        NotFound: there is none.
    """
    found = operators().get(name)
    if found is None:
        raise NotFound(f"There is no operator {name[:40]!r}.")
    return found
