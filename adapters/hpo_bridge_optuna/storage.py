"""Optuna's storages as sources of trials: SQLite, other databases, journals, and studies.

A SQLite database is copied before it is opened, and the copy is brought up to Optuna's present
schema: the file stays as it is, whatever version wrote it. Another database is opened in place,
and must have that schema already.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from hpo_bridge.contracts.history import History, PastTrial, StudyToWrite, Wanted, Written
from hpo_bridge.contracts.record import Change, Direction, TrialState
from hpo_bridge.errors import HistoryError, nearest

OWN = "hpo_bridge"
"""The attribute of a study that we exported."""
ATTRIBUTE = "hpo_bridge:"
"""What the attributes of its trials begin with."""
METRIC_NAMES = "study:metric_names"
DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
FILES = (".db", ".sqlite", ".sqlite3")
"""What a SQLite file is called, where it is written."""
TABLES = {"studies", "trials", "trial_params", "version_info"}
STATES = {
    "COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED, "FAIL": TrialState.FAILED,
    "RUNNING": TrialState.RUNNING, "WAITING": TrialState.WAITING,
}  # fmt: skip


class Storage:
    """Reads any storage that Optuna opens, and its ``Study`` objects; writes storages."""

    def recognises(self, source: Any) -> bool:
        """Whether it is a study, a URL or file of a database with Optuna's tables, a journal."""
        if not isinstance(source, str):
            kind = type(source)
            return kind.__name__ == "Study" and kind.__module__.startswith("optuna.")
        scheme = _scheme(source)
        if scheme and scheme != "sqlite":
            return True
        path = _path(source)
        return _tables(path) >= TABLES or (not scheme and _is_journal(path))

    def suits(self, target: str) -> bool:
        """Whether it is the URL of a database, or called like one or like a journal."""
        return bool(_scheme(target)) or target.lower().endswith((*FILES, ".log", ".journal"))

    def read(self, source: Any, wanted: Wanted) -> History:
        """The trials of one study."""
        if not isinstance(source, str):
            return _history(
                source.study_name, source.directions, source.metric_names, source.user_attrs,
                source.get_trials(deepcopy=False),
            )  # fmt: skip
        with opened(source) as storage:
            name = _named(storage, wanted.study, source)
            study = storage.get_study_id_from_name(name)
            return _history(
                name,
                storage.get_study_directions(study),
                storage.get_study_system_attrs(study).get(METRIC_NAMES),
                storage.get_study_user_attrs(study),
                storage.get_all_trials(study, deepcopy=False),
            )

    def write(self, target: str, study: StudyToWrite, *, overwrite: bool) -> Written:
        """A study of the same name in a storage, which may have others."""
        from .exporting import write_storage

        if not _scheme(target) and target.lower().endswith(FILES):
            target = f"sqlite:///{target}"
        return write_storage(target, study, overwrite=overwrite)


# -- what is there --------------------------------------------------------------------------


def _scheme(source: str) -> str:
    """The kind of database of a URL; empty if it is none."""
    scheme, found, _ = source.partition("://")
    name = scheme.partition("+")[0].lower()
    return name if found and name in DATABASES else ""


def _path(source: str) -> Path:
    """The file of a SQLite URL, or of a path."""
    if not _scheme(source):
        return Path(source)
    from sqlalchemy.engine import make_url

    return Path(make_url(source).database or "")


def _tables(path: Path) -> set[str]:
    """The tables of a SQLite file; none if it is no such file."""
    try:
        with path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                return set()
        with closing(_read_only(path)) as connection:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            return {name for (name,) in connection.execute(query)}
    except (OSError, sqlite3.Error):
        return set()


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def _is_journal(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = json.loads(file.readline(2**20))
        return isinstance(first, dict) and {"op_code", "worker_id"} <= set(first)
    except (OSError, ValueError, RecursionError):
        return False


@contextmanager
def opened(source: str) -> Iterator[Any]:
    """Optuna's storage at a URL or a path, to be read; closed again after the body.

    Raises:
        HistoryError: If there is none, or Optuna cannot open it.
    """
    path = _path(source)
    local = _scheme(source) in ("", "sqlite")
    if local and not path.is_file():
        raise HistoryError(f"{source}: there is no such file")
    tables = _tables(path) if local else set()
    if "hpo_meta" in tables and not tables >= TABLES:
        raise HistoryError(
            f"{source}: a store of hpo-bridge, not of Optuna; export its study as JSON, and "
            "import that"
        )
    if local and not tables and _is_journal(path):
        yield _journal(source, path)
        return
    if local and not tables >= TABLES:
        raise HistoryError(f"{source}: no storage of Optuna: neither its tables nor a journal")
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        storage = _copied(source, path, Path(folder)) if local else _remote(source)
        try:
            yield storage
        finally:
            storage.engine.dispose()


def _journal(source: str, path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return JournalStorage(JournalFileBackend(os.fspath(path)))
    except Exception as error:
        raise HistoryError(f"{source}: a damaged journal: {_line(error)}") from error


def _copied(source: str, path: Path, folder: Path) -> Any:
    """A copy of a SQLite storage, brought up to the present schema."""
    from optuna.storages import RDBStorage

    copy = folder / "copy.db"
    try:
        with closing(_read_only(path)) as original, closing(sqlite3.connect(copy)) as new:
            original.backup(new)
        storage = RDBStorage(f"sqlite:///{copy}", skip_compatibility_check=True)
        if storage.get_current_version() != storage.get_head_version():
            storage.upgrade()
    except Exception as error:
        raise HistoryError(f"{source}: Optuna cannot open it: {_line(error)}") from error
    return storage


def _remote(source: str) -> Any:
    """A storage on a server; never creates the tables there."""
    from optuna.storages import RDBStorage

    shown = source.rpartition("@")[2]
    try:
        from sqlalchemy import create_engine, inspect

        engine = create_engine(source)
        there = set(inspect(engine).get_table_names())
        engine.dispose()
        if not there >= TABLES:
            raise HistoryError(f"{shown}: no storage of Optuna: its tables are not there")
        return RDBStorage(source, skip_table_creation=True)
    except HistoryError:
        raise
    except Exception as error:
        raise HistoryError(f"{shown}: Optuna cannot open it: {_line(error)}") from error


def _named(storage: Any, name: str | None, source: str) -> str:
    """Which study of a storage is meant."""
    names = [study.study_name for study in storage.get_all_studies()]
    if name is None and len(names) == 1:
        return str(names[0])
    known = ", ".join(names) or "none"
    if name is None:
        raise HistoryError(f"{source}: has {len(names)} studies; --study takes one of {known}")
    if name not in names:
        hint = nearest(name, names)
        raise HistoryError(f"{source}: has no study {name!r}{hint}; it has {known}")
    return name


# -- its trials -----------------------------------------------------------------------------


def _history(
    name: str, directions: Sequence[Any], names: Sequence[str] | None,
    attributes: Mapping[str, Any], trials: Sequence[Any],
) -> History:  # fmt: skip
    if names is None:
        several = [f"values_{n}" for n in range(len(directions))]
        names = several if len(several) > 1 else ["value"]
    ways = {n: Direction(d.name.lower()) for n, d in zip(names, directions, strict=True)}
    own = attributes.get(OWN)
    forms = own if isinstance(own, dict) else {}
    past = [_past(trial, list(names), forms) for trial in trials]
    return History(f"study {name!r}", ways, past)


def _past(trial: Any, names: list[str], forms: Mapping[str, Any]) -> PastTrial:
    values = None if trial.values is None else dict(zip(names, trial.values, strict=True))
    told = {
        key.removeprefix(ATTRIBUTE): value
        for key, value in trial.user_attrs.items()
        if key.startswith(ATTRIBUTE)
    }
    reports = [tuple(report) for report in told.get("reports", ())]
    state, error = STATES[trial.state.name], told.get("error", _reason(trial))
    violated = next((name for name, much in trial.constraints.items() if much > 0), None)
    if violated is not None and state is TrialState.COMPLETE:  # can be best as little as there
        state, error = TrialState.FAILED, f"violates the constraint {violated!r} in Optuna"
    started, finished = told.get(
        "times", (_seconds(trial.datetime_start), _seconds(trial.datetime_complete))
    )
    return PastTrial(
        f"trial {trial.number}", state, _params(trial.params, forms), values, started, finished,
        error,
        reports or sorted(trial.intermediate_values.items()),
        told.get("backend"), told.get("attempts", 1),
        [_numbers(each) for each in told.get("metrics", ())],
        told.get("standard_errors"), told.get("estimate"), told.get("gradients"),
        [Change(**change) for change in told.get("changes", ())],
    )  # fmt: skip


def _params(params: Mapping[str, Any], forms: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, put together again where we exported them in another form."""
    found = dict(params)
    for name in forms.get("as_json", ()):
        if isinstance(found.get(name), str):
            with suppress(ValueError):
                found[name] = json.loads(found[name])
    for name, length in forms.get("vectors", {}).items():
        parts = [component(name, at) for at in range(length)]
        if all(part in found for part in parts):
            found[name] = [found.pop(part) for part in parts]
    return found


def component(name: str, position: int) -> str:
    """What a vector's component is called among Optuna's parameters."""
    return f"{name}[{position}]"


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {n: float("nan") if value is None else float(value) for n, value in metrics.items()}


def _seconds(moment: datetime | None) -> float | None:
    """Seconds since the epoch; Optuna's times are local."""
    return None if moment is None else moment.timestamp()


def _reason(trial: Any) -> str | None:
    """Why a trial failed, where Optuna kept it."""
    for key in ("fail_reason", "STUDY_TELL_WARNING"):
        if isinstance(trial.system_attrs.get(key), str):
            return str(trial.system_attrs[key])
    return None


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:240]
