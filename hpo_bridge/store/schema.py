"""The tables of a SQL store, and the statements that write them.

``hpo_events`` is the log; ``hpo_trials``, ``hpo_reports``, ``hpo_changes`` and ``hpo_values``
follow from it.
Structured data is JSON text. Text of a user's (an error message) is JSON too, so that any
character survives: PostgreSQL's TEXT cannot hold NUL, and neither database a lone surrogate.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

VERSION = 1

metadata = MetaData()

meta = Table(
    "hpo_meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Rewritten by every append: so the definition, which may be long, is in a table of its own.
studies = Table(
    "hpo_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("backend", Text),
    Column("lease_token", Text),
    Column("lease_holder", Text),
    Column("lease_heartbeat", Double),
)

definitions = Table(
    "hpo_definitions",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("data", Text, nullable=False),
)

# Events of a study as a whole are few among those of its trials, and every look at it needs some.
# A query has the index only if it says the same.
OF_STUDY = text("trial IS NULL AND kind <> 'asked'")

events = Table(
    "hpo_events",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("trial", Integer),
    Column("data", Text, nullable=False),
)
# As a statement: with it in the table's declaration SQLAlchemy loads both databases' dialects.
INDEX_OF_STUDY = text(
    f"CREATE INDEX hpo_events_of_study ON hpo_events (study_id, kind, seq) WHERE {OF_STUDY}"
)

trials = Table(
    "hpo_trials",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("raw", Text),
    Column("token", Text),
    Column("values", Text),
    Column("backend", Text),
    Column("started", Double),
    Column("finished", Double),
    Column("error", Text),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("gradients", Text),
    Column("standard_errors", Text),
    Column("estimate", Double),
    Column("reused", Integer),
    Index("hpo_trials_by_state", "study_id", "state", "number"),
)

# Ordered by position, from 0. A value may be NULL: SQLite has no NaN. Metrics are those of the
# reports that have any.
reports = Table(
    "hpo_reports",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Double),
    Column("metrics", Text),
    sqlite_with_rowid=False,
)

# What trials had, and from whom they took over, each time that their parameters changed.
changes = Table(
    "hpo_changes",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("step", BigInteger),
    Column("params", Text, nullable=False),
    Column("source", Integer),
    sqlite_with_rowid=False,
)

# The values of complete trials, in the order that makes the best one a look-up.
values = Table(
    "hpo_values",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("objective", Text, primary_key=True),
    Column("value", Double, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "hpo_snapshots",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
)

# The database's own clock: drivers on several machines are judged by one.
NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}

_HELD = "WHERE id = :study AND lease_token = :token"

_WRITES = {
    "create": """
        INSERT INTO hpo_studies (name, created, seconds, seq) VALUES (:name, :created, 0, 0)
        ON CONFLICT (name) DO NOTHING""",
    "define": """
        INSERT INTO hpo_definitions (study_id, data)
        SELECT id, :data FROM hpo_studies WHERE name = :name""",
    "redefine": "UPDATE hpo_definitions SET data = :data WHERE study_id = :study",
    "take": """
        UPDATE hpo_studies SET lease_token = :token, lease_holder = :holder,
        lease_heartbeat = {now}
        WHERE id = :study AND seq = :seq AND COALESCE(lease_token, '') = :seen""",
    "beat": f"UPDATE hpo_studies SET lease_heartbeat = {{now}}, seconds = :seconds {_HELD}",
    "release": f"""
        UPDATE hpo_studies SET lease_token = NULL, lease_holder = NULL,
        lease_heartbeat = NULL, seconds = :seconds {_HELD}""",
    "position": f"SELECT seq FROM hpo_studies {_HELD}",
    "advance": f"""
        UPDATE hpo_studies SET seq = :new, seconds = :seconds {_HELD} AND seq = :old""",
    "session": "UPDATE hpo_studies SET backend = :backend WHERE id = :study",
    "event": """
        INSERT INTO hpo_events (study_id, seq, kind, time, trial, data)
        VALUES (:study, :seq, :kind, :time, :trial, :data)""",
    "trial": """
        INSERT INTO hpo_trials (study_id, number, state, params, raw, token, "values", backend,
        started, finished, error, attempts, failures, losses, gradients, standard_errors,
        estimate, reused)
        VALUES (:study, :number, :state, :params, :raw, :token, :values, :backend,
        :started, :finished, :error, :attempts, :failures, :losses, :gradients,
        :standard_errors, :estimate, :reused)
        ON CONFLICT (study_id, number) DO UPDATE SET state = excluded.state,
        params = excluded.params, raw = excluded.raw, token = excluded.token,
        "values" = excluded."values", started = excluded.started, finished = excluded.finished,
        error = excluded.error, attempts = excluded.attempts, failures = excluded.failures,
        losses = excluded.losses, gradients = excluded.gradients,
        standard_errors = excluded.standard_errors, estimate = excluded.estimate,
        reused = excluded.reused""",
    "report": """
        INSERT INTO hpo_reports (study_id, number, position, step, value, metrics)
        VALUES (:study, :number, :position, :step, :value, :metrics)""",
    "change": """
        INSERT INTO hpo_changes (study_id, number, position, step, params, source)
        VALUES (:study, :number, :position, :step, :params, :source)""",
    "withdraw": """
        DELETE FROM hpo_reports
        WHERE study_id = :study AND number = :number AND position >= :kept""",
    "value": """
        INSERT INTO hpo_values (study_id, objective, value, number)
        VALUES (:study, :objective, :value, :number)""",
    "snapshot": """
        INSERT INTO hpo_snapshots (study_id, seq, data) VALUES (:study, :seq, :data)
        ON CONFLICT (study_id) DO UPDATE SET seq = excluded.seq, data = excluded.data""",
}


def write_statements(dialect: Dialect) -> dict[str, str]:
    """Every write in the driver's own SQL.

    Written out once, as a trial costs six of them, and SQLAlchemy's expression layer would
    cost more than the database does.
    """
    now = NOW[dialect.name]
    return {
        key: str(text(" ".join(sql.format(now=now).split())).compile(dialect=dialect))
        for key, sql in _WRITES.items()
    }
