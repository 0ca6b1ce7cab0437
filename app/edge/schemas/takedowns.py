"""Taking down, and the audit."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.edge.schemas.shapes import In, Out


class TakedownIn(In):
    """Why, and once more what."""

    reason: str = Field(min_length=3, max_length=1000, examples=["The price is wrong."])
    confirm: str = Field(max_length=60, description="The id of the asset once more: this cannot be undone.")


class AtRiskOut(Out):
    """A message whose media may have been fetched already, or may still come from a cache."""

    id: str
    campaign_id: str
    number: str
    state: str
    mt_id: str
    updated_at: datetime


class TakedownOut(Out):
    """What came of it."""

    asset_id: str
    audit_id: str
    erased: bool = Field(description="All bytes are gone; false: the store did not answer, the worker goes on trying.")
    paused: list[str] = Field(description="Campaigns that were stopped; a scheduled one is a draft again.")
    campaigns: list[str] = Field(description="Every campaign that used it.")
    blocked_sha256s: list[str] = Field(
        description="Content that may not come back: the upload and what it was hosted as."
    )
    at_risk_count: int = Field(description="Messages accepted in the last three days, or perhaps accepted.")
    at_risk: list[AtRiskOut] = Field(description="The first 1,000 of them.")


class AuditOut(Out):
    """Who did what, when and why."""

    id: str
    at: datetime
    who: str
    action: str
    subject: str
    reason: str
    facts: dict[str, Any]


class AuditPageOut(Out):
    """Some entries, newest first."""

    items: list[AuditOut]
    next: str | None = Field(description="`before` of the next page; null = the end.")
