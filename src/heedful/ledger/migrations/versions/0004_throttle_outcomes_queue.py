"""Failed log-ins, what actions came to, a queue of alerts; kept rows are kept on PostgreSQL too."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ACTION_COLUMNS = (
    ("pattern", sa.String(200)),
    ("playbook", sa.String(200)),
    ("started_at", sa.DateTime(timezone=True)),
    ("measured_at", sa.DateTime(timezone=True)),
)
KEPT = {
    "audit": "the audit log stays as it was written",
    "signatures": "a signature stays as it was given",
}
MEASURED = "a measured outcome stays as it was measured"


def upgrade() -> None:
    """Add tables and columns; make databases refuse to change what is kept."""
    for name, kind in ACTION_COLUMNS:
        op.add_column("actions", sa.Column(name, kind))
    op.create_table(
        "failures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(64), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("alerts", sa.Column("message", sa.String(40)))
    op.add_column("alerts", sa.Column("severity", sa.String(20)))
    op.add_column("alerts", sa.Column("value", sa.Float))
    op.create_index("alerts_once", "alerts", ["finding", "event", "channel"], unique=True)
    op.create_index("ix_alerts_message", "alerts", ["message"])
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _sqlite()
    elif dialect == "postgresql":
        _postgresql()


def _sqlite() -> None:
    op.execute(
        "CREATE TRIGGER outcomes_kept BEFORE UPDATE ON actions "
        "WHEN OLD.measured_at IS NOT NULL AND (NEW.outcome IS NOT OLD.outcome"
        " OR NEW.measured_at IS NOT OLD.measured_at OR NEW.done_on IS NOT OLD.done_on) "
        f"BEGIN SELECT RAISE(ABORT, '{MEASURED}'); END"
    )


def _postgresql() -> None:
    for table, says in KEPT.items():
        op.execute(
            f"CREATE FUNCTION heedful_{table}_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{says}' USING ERRCODE = 'integrity_constraint_violation'; "
            "END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION heedful_{table}_kept()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept_whole BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION heedful_{table}_kept()"
        )
    op.execute(
        "CREATE FUNCTION heedful_outcomes_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{MEASURED}' USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    op.execute(
        "CREATE TRIGGER outcomes_kept BEFORE UPDATE ON actions FOR EACH ROW "
        "WHEN (OLD.measured_at IS NOT NULL AND (NEW.outcome IS DISTINCT FROM OLD.outcome"
        " OR NEW.measured_at IS DISTINCT FROM OLD.measured_at"
        " OR NEW.done_on IS DISTINCT FROM OLD.done_on)) "
        "EXECUTE FUNCTION heedful_outcomes_kept()"
    )


def downgrade() -> None:
    """Take them away."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute("DROP TRIGGER outcomes_kept")
    elif dialect == "postgresql":
        for table in KEPT:
            op.execute(f"DROP TRIGGER {table}_kept ON {table}")
            op.execute(f"DROP TRIGGER {table}_kept_whole ON {table}")
            op.execute(f"DROP FUNCTION heedful_{table}_kept()")
        op.execute("DROP TRIGGER outcomes_kept ON actions")
        op.execute("DROP FUNCTION heedful_outcomes_kept()")
    op.drop_index("ix_alerts_message", "alerts")
    op.drop_index("alerts_once", "alerts")
    for name in ("value", "severity", "message"):
        op.drop_column("alerts", name)
    op.drop_table("failures")
    for name, _ in reversed(ACTION_COLUMNS):
        op.drop_column("actions", name)
