"""The index that a campaign's messages are claimed by holds their sender and order, too

Revision: 0008, after 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_campaign_id_state_sender_id_id",
        "messages",
        ["campaign_id", "state", "sender_id", "id"],
        unique=False,
    )
    op.drop_index("ix_messages_campaign_id_state", table_name="messages")


def downgrade() -> None:
    op.create_index("ix_messages_campaign_id_state", "messages", ["campaign_id", "state"], unique=False)
    op.drop_index("ix_messages_campaign_id_state_sender_id_id", table_name="messages")
