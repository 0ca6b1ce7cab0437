"""Limits: profiles and operators as data, each row with its source and date; may import only model and below.

The rows are in ``profiles.csv``, ``operators.csv`` and ``floors.csv`` beside this file. Edits of an installation live in
the records and are passed in: nothing here is ever written.
"""

from app.limits.choice import (
    DEFAULT_PROFILE,
    RESERVED_BYTES,
    auto_profile,
    budget_of,
    limit_named,
    profile_for,
    require_reachable,
)
from app.limits.rows import floor_named, floors, operator_named, operators, profile_named, profiles

__all__ = [
    "DEFAULT_PROFILE",
    "RESERVED_BYTES",
    "auto_profile",
    "budget_of",
    "floor_named",
    "floors",
    "limit_named",
    "operator_named",
    "operators",
    "profile_for",
    "profile_named",
    "profiles",
    "require_reachable",
]
