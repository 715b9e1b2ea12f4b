"""Signatures."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; SQLite, where anyone can open the file, refuses to change its rows."""
    op.create_table(
        "signatures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment", sa.String(200), nullable=False, index=True),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decision", sa.String(40), nullable=False),
        sa.Column("candidate", sa.String(200)),
    )
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER signatures_kept_from_{event.lower()} BEFORE {event} ON signatures "
                "BEGIN SELECT RAISE(ABORT, 'a signature stays as it was given'); END"
            )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("signatures")
