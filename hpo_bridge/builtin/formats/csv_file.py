"""Histories as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO, Any

from ...contracts.format import ExportResult, History, ImportRequest
from ...contracts.study_history import StudyHistory
from ...errors import HistoryError
from ...history.table import text_rows
from ...history.table_reader import history_of
from .files import is_file, read_text, written_whole

SUFFIXES = (".csv", ".tsv")
LONGEST = 2**27
"""Most characters of a cell; a long vector has many, and Python's own limit is low."""


class Csv:
    """Reads any table with a header that names parameters; writes one that is complete."""

    def recognises(self, source: Any) -> bool:
        """Return True for a file with one of the suffixes."""
        return is_file(source, *SUFFIXES)

    def suits(self, target: str) -> bool:
        """Return True for a name with one of the suffixes."""
        return target.lower().endswith(SUFFIXES)

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials, one a line."""
        text = read_text(source)
        before = csv.field_size_limit(LONGEST)
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(source, text),
                                strict=True)  # fmt: skip
            names = [name.strip() for name in next(reader, [])]
            if not any(names):
                raise HistoryError(f"{source}: is empty, expected a line with names of columns")
            return history_of(_rows(reader, names, source), names, source, wanted)
        except csv.Error as error:
            raise HistoryError(f"{source}: is no CSV file: {error}") from None
        finally:
            csv.field_size_limit(before)

    def write(self, target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
        """One line a trial; lists and mappings are JSON in their cells."""
        delimiter = "\t" if target.lower().endswith(".tsv") else ","
        with written_whole(target, overwrite=overwrite) as file:
            return ExportResult(write_csv(file, study, delimiter))


def write_csv(file: IO[str], study: StudyHistory, delimiter: str = ",") -> int:
    """Write the table of a study's trials, and return the number of trials."""
    writer = csv.writer(file, delimiter=delimiter)
    count = -1  # the header
    for cells in text_rows(study):
        writer.writerow(cells)
        count += 1
    return count


def _delimiter(source: str, text: str) -> str:
    """A comma, unless the first line has none but another that is usual."""
    first = text[: text.find("\n")] if "\n" in text else text
    if source.lower().endswith(".tsv"):
        return "\t"
    return next((mark for mark in (",", ";", "\t") if mark in first), ",")


def _rows(reader: Any, names: Sequence[str], source: str) -> Iterator[tuple[str, list[str]]]:
    for cells in reader:
        label = f"line {reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise HistoryError(
                f"{source}, {label}: has {len(cells)} cells, the header has {len(names)}"
            )
        yield label, [cell.strip() for cell in cells]
