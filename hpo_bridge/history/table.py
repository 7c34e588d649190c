"""The table of a study's trials: one set of columns for every file, command and data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..contracts.record import TrialRecord
from ..contracts.requirements import needs
from ..contracts.study_history import StudyHistory
from ..errors import HpoBridgeError
from .cells import cell_text
from .plain_trial import OPTIONAL_FIELDS, optional_fields

if TYPE_CHECKING:
    import pandas

PARAM, VALUE = ("params.", "params_"), ("values.", "values_")
"""What the name of a parameter's and of an objective's column may begin with."""
ERROR = "standard_errors."
"""What the name of a standard error's column begins with."""
PLAIN = tuple(name for name in OPTIONAL_FIELDS if name != "standard_errors")
"""Fields that are one cell of JSON."""
SINGLE = "value"
"""The column of a single objective without a name."""


Row = Mapping[str, Any]
"""Column to value, as plain Python; a column is missing where the trial has no value."""


def column_names(objectives: Iterable[str], params: Iterable[str]) -> list[str]:
    """Return the names of the columns of a study's table, in order.

    Args:
        objectives: The names of the objectives.
        params: The names of the parameters and constants.

    Example:
        >>> column_names(["value"], ["lr"])[:5]
        ['number', 'state', 'value', 'standard_errors.value', 'params.lr']
    """
    names = list(objectives)
    return [
        "number", "state", *_values(names).values(), *(ERROR + name for name in names),
        *(PARAM[0] + name for name in params), "backend", "started", "finished", "seconds",
        "attempts", "error", *PLAIN,
    ]  # fmt: skip


def _values(objectives: Sequence[str]) -> dict[str, str]:
    """Map each objective to the name of its column."""
    if list(objectives) == [SINGLE]:
        return {SINGLE: SINGLE}
    return {name: VALUE[0] + name for name in objectives}


def row_maker(objectives: Sequence[str]) -> Callable[[TrialRecord], Row]:
    """Return a function that makes the :data:`Row` of a trial."""
    columns = _values(objectives)

    def make(trial: TrialRecord) -> Row:
        besides = optional_fields(trial)
        row = {
            "number": trial.number, "state": trial.state.value, "backend": trial.backend,
            "started": trial.started, "finished": trial.finished, "seconds": trial.seconds,
            "attempts": trial.attempts, "error": trial.error,
            **{name: besides[name] or None for name in PLAIN if name != "estimate"},
            "estimate": trial.estimate,
            **{columns[name]: value for name, value in (trial.values or {}).items()},
            **{ERROR + name: value for name, value in (trial.standard_errors or {}).items()},
        }  # fmt: skip
        row = {name: value for name, value in row.items() if value is not None}
        return row | {PARAM[0] + name: value for name, value in trial.params.items()}

    return make


def cell(row: Row, column: str) -> Any:
    """Return a cell of a file: a number, a text, or ``None`` for an empty one."""
    if column not in row:
        return None
    value = row[column]
    if type(value) in (int, float) and not column.startswith(PARAM[0]):
        return value
    return cell_text(value)


def text_rows(study: StudyHistory) -> Iterator[list[Any]]:
    """Yield the header of a study's table, then the cells of each trial."""
    objectives = list(study.directions)
    columns = column_names(objectives, study.definition["space"])
    yield columns
    make = row_maker(objectives)
    for trial in study.trials:
        row = make(trial)
        yield [cell(row, column) for column in columns]


def to_frame(
    trials: Sequence[TrialRecord], objectives: Sequence[str], params: Sequence[str]
) -> pandas.DataFrame:
    """Return one row per trial; see :meth:`hpo_bridge.Study.to_pandas`.

    Raises:
        HpoBridgeError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise HpoBridgeError(f"to_pandas {needs('pandas')}") from None
    rows = [make(trial) for make in [row_maker(objectives)] for trial in trials]
    names = column_names(objectives, params)
    frame = pandas.DataFrame({name: [row.get(name) for row in rows] for name in names})
    for moment in ("started", "finished"):
        frame[moment] = pandas.to_datetime(frame[moment], unit="s", utc=True)
    return frame
