"""Histories as Parquet files, and as pandas data frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contracts.format import ExportResult, History, ImportRequest
from ...contracts.requirements import needs
from ...contracts.study_history import StudyHistory
from ...errors import HistoryError
from ...history.cells import cell_text
from ...history.table import ERROR, text_rows
from ...history.table_reader import history_of
from ...space import Float, Int
from .files import check_absent, is_file, written_whole

if TYPE_CHECKING:
    import pandas

SUFFIXES = (".parquet", ".pq")
NUMBERS = ("value", "started", "finished", "seconds", "estimate")
"""Columns of floats."""


class Parquet:
    """Reads a table with columns like those of a CSV file; writes one that is complete."""

    def recognises(self, source: Any) -> bool:
        """Return True for a file with one of the suffixes, and for a data frame."""
        kind = type(source)
        frame = kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"
        return frame or is_file(source, *SUFFIXES)

    def suits(self, target: str) -> bool:
        """Return True for a name with one of the suffixes."""
        return target.lower().endswith(SUFFIXES)

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials, one a row."""
        frame, name = (source, "the data frame") if not isinstance(source, str) else (None, source)
        if frame is None:
            pandas = _pandas()
            try:
                frame = pandas.read_parquet(source)
            except ImportError as error:
                raise _missing() from error
            except Exception as error:  # whatever the engine makes of a damaged file
                text = " ".join(str(error).split())
                raise HistoryError(f"{source}: is no Parquet file: {text}") from None
        names = [str(column) for column in frame.columns]
        return history_of(_rows(frame), names, name, wanted)

    def write(self, target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
        """One row a trial; what is no plain number or text is JSON."""
        pandas = _pandas()
        check_absent(Path(target).exists(), target, overwrite=overwrite)
        names, *rows = text_rows(study)
        columns = {name: [cells[at] for cells in rows] for at, name in enumerate(names)}
        frame = pandas.DataFrame(
            {name: _column(pandas, name, cells, study) for name, cells in columns.items()}
        )
        with written_whole(target, overwrite=overwrite, binary=True) as file:
            try:
                frame.to_parquet(file, index=False)
            except ImportError as error:
                raise _missing() from error
        return ExportResult(len(rows))


def _column(pandas: Any, name: str, cells: list[Any], study: StudyHistory) -> pandas.Series:
    """A column of one type: numbers where the study has numbers, else text."""
    parameter: Any = None
    if name.startswith("params."):
        parameter = study.space.get(name.removeprefix("params."))
    if name in ("number", "attempts") or isinstance(parameter, Int):
        whole = [None if cell is None else int(cell) for cell in cells]
        return pandas.Series(whole, dtype="Int64")
    number = isinstance(parameter, Float) and parameter.shape is None
    if number or name.startswith(("values.", ERROR)) or name in NUMBERS:
        return pandas.Series([None if c is None else float(c) for c in cells], dtype="Float64")
    return pandas.Series(cells, dtype="string")


def _rows(frame: Any) -> Iterator[tuple[str, list[str]]]:
    """The cells as text, as in a CSV file; nothing where a value is missing."""
    import pandas

    missing = frame.isna().to_numpy()
    columns = [frame[column].tolist() for column in frame.columns]
    for at in range(len(frame)):
        yield (
            f"row {at}",
            [
                "" if missing[at][n] else _cell(pandas, column[at])
                for n, column in enumerate(columns)
            ],
        )


def _cell(pandas: Any, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, pandas.Timestamp):
        return str(value.isoformat())
    with suppress(AttributeError):  # an array
        value = value.tolist()
    try:
        return cell_text(value)
    except TypeError:
        return str(value)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise _missing() from None
    return pandas


def _missing() -> HistoryError:
    return HistoryError(f"Parquet {needs('pandas', 'pyarrow')}")
