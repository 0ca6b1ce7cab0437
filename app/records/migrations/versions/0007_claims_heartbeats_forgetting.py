"""A token for each claim of an Idempotency-Key, heartbeats of workers, how far old rows are forgotten, and indexes for both

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("claim_token", sa.String(length=40), nullable=True))
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_index("ix_objects_state", "objects", ["state"], unique=False)
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"], unique=False)
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "forgotten",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("up_to_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_forgotten")),
    )


def downgrade() -> None:
    op.drop_table("forgotten")
    op.drop_table("heartbeats")
    op.drop_index("ix_jobs_finished_at", table_name="jobs")
    op.drop_index("ix_objects_state", table_name="objects")
    op.drop_index("ix_idempotency_created_at", table_name="idempotency")
    op.drop_column("idempotency", "claim_token")
