"""Answers to STOP and HELP: a campaign names the inbound message that it answers

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


# Plain statements, no batch: SQLite would copy the table, and other tables refer to it.
def upgrade() -> None:
    op.add_column("campaigns", sa.Column("answers", sa.String(length=40), nullable=True))
    op.create_index("uq_campaigns_answers", "campaigns", ["answers"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_campaigns_answers", table_name="campaigns")
    op.drop_column("campaigns", "answers")
