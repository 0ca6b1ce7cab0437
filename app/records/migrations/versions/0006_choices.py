"""What callers choose: a form and a cut of a rendition, what is being fitted, an operator's own side, names of an upload

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BEFORE = ["asset_id", "profile", "budget_bytes", "side_pixels"]


def _unique(columns: list[str]) -> str:
    return op.f(f"uq_renditions_{'_'.join(columns)}")


def upgrade() -> None:
    # SQLite copies the table for its new constraint; no other table refers to this one.
    with op.batch_alter_table("renditions") as batch_op:
        batch_op.add_column(sa.Column("choice", sa.String(length=60), nullable=False, server_default="auto"))
        batch_op.drop_constraint(_unique(_BEFORE), type_="unique")
        batch_op.create_unique_constraint(_unique([*_BEFORE, "choice"]), [*_BEFORE, "choice"])
    op.create_table(
        "fittings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("asset_id", sa.String(length=40), nullable=False),
        sa.Column("profile", sa.String(length=40), nullable=False),
        sa.Column("choice", sa.String(length=60), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_fittings_asset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fittings")),
    )
    op.create_index(op.f("ix_fittings_asset_id"), "fittings", ["asset_id"], unique=False)
    # Plain statements: other tables refer to these, so they are not copied.
    op.add_column("messages", sa.Column("side_pixels", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("assets", sa.Column("other_names", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("assets", "other_names")
    op.drop_column("messages", "side_pixels")
    op.drop_index(op.f("ix_fittings_asset_id"), table_name="fittings")
    op.drop_table("fittings")
    op.execute("DELETE FROM renditions WHERE choice <> 'auto'")
    with op.batch_alter_table("renditions") as batch_op:
        batch_op.drop_constraint(_unique([*_BEFORE, "choice"]), type_="unique")
        batch_op.create_unique_constraint(_unique(_BEFORE), _BEFORE)
        batch_op.drop_column("choice")
