"""What stands in the rows, counted for /metrics: by index where a table grows, so that a look costs little."""

from datetime import datetime

import sqlalchemy as sa

from app.records.tables import assets, callbacks, campaigns, jobs, messages

_COUNTED = {
    "messages": (messages.c.state, sa.true()),
    "campaigns": (campaigns.c.state, sa.true()),
    "callbacks": (callbacks.c.state, sa.true()),
    "assets": (assets.c.state, assets.c.deleted_at.is_(None)),
}


def rows_by_state(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Count messages, campaigns, callbacks and living assets: table -> state -> rows."""
    return {
        name: {
            str(state): int(count)
            for state, count in connection.execute(sa.select(state, sa.func.count()).where(living).group_by(state))
        }
        for name, (state, living) in _COUNTED.items()
    }


def jobs_due(connection: sa.Connection, *, at: datetime) -> tuple[int, float]:
    """Count the jobs that could begin now, and tell for how many seconds the longest of them has waited."""
    due = sa.and_(jobs.c.state == "due", jobs.c.not_before <= at)
    count, oldest = connection.execute(
        sa.select(sa.func.count(), sa.func.min(jobs.c.not_before, type_=jobs.c.not_before.type)).where(due)
    ).one()
    return int(count), (at - oldest).total_seconds() if oldest else 0.0
