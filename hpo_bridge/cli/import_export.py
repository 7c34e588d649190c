"""``hpo-bridge import`` and ``export``: histories of other tools, and for other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ..config import StudyFile, load_study_file
from ..contracts.directions import Objectives
from ..errors import ConfigError, HpoBridgeError, counted
from ..history.exporting import ExportReport, export_history
from ..history.format_lookup import shown
from ..history.importing import ImportOptions, ImportReport, read_trials
from ..study import Study, open_study
from .common_options import StudyArguments
from .printing import load_plugins, print_result, quiet_libraries, stdout_kept_for_json
from .stored_study import study_to_read

NOTHING = 1


def import_trials(
    path: Path,
    source: str,
    *,
    format: str | None,
    name: str | None,
    renames: Sequence[str],
    unpickle: bool,
    strict: bool,
    drop_inactive: bool,
    store: str | None,
    overrides: Sequence[str],
    as_json: bool,
) -> int:
    """Adds a source's trials to a study; 1 if it has trials and none of them fits.

    The source is read, and tried on a study in memory, before anything is created.
    """
    options = ImportOptions(format, name, _renames(renames), unpickle, strict, drop_inactive)
    with stdout_kept_for_json(as_json):
        file = load_study_file(path, plugins=load_plugins(), overrides=overrides, store=store)
        with quiet_libraries():
            objectives = Objectives(file.directions)
            read = read_trials(load_plugins(), file.space, objectives, source, options)
        with _study(file, None) as study:
            report = study.import_trials(read)
        if read.taken:
            with _study(file, file.store) as study:
                report = study.import_trials(read)
        url = shown(file.store)
    print_result(_plain_import(report, file.name), _import_text(report, url), as_json)
    return NOTHING if report.refused and not (report.added or report.already) else 0


def _study(file: StudyFile, store: str | None) -> Study:
    """Return the file's study, with no more than an import needs."""
    config = replace(file.config, store=store, pruner=None, observers=(), warm_start=None)
    return open_study(config)


def export_trials(
    given: StudyArguments, target: str | None, *, format: str | None, overwrite: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Writes a study's trials; also while it runs."""
    if target is None:
        raise HpoBridgeError("found no TARGET, expected a file or a URL to write to")
    with stdout_kept_for_json(as_json), study_to_read(given) as study:
        plugins, store, name = load_plugins(), study.store, study.name
        report = export_history(plugins, store, name, target, format, overwrite=overwrite)
    print_result({"study": name, **asdict(report)}, _export_text(report), as_json)


def _renames(pairs: Sequence[str]) -> dict[str, str]:
    """``THEIRS=OURS`` as a mapping.

    Raises:
        ConfigError: If one has no ``=``, or the same name is there twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs:
            raise ConfigError(f"--map: found {pair!r}, expected THEIRS=OURS")
        if theirs in found:
            raise ConfigError(f"--map: {theirs!r} is there twice")
        found[theirs] = ours
    return found


def _plain_import(report: ImportReport, study: str) -> Mapping[str, object]:
    numbers = report.numbers
    return {
        "study": study, "source": report.source, "format": report.format,
        "source_study": report.study, "added": report.added, "already": report.already,
        "first": numbers[0] if numbers else None,
        "counts": {state.value: n for state, n in report.counts.items()},
        "refused": [asdict(refusal) for refusal in report.refused],
        "notes": list(report.notes),
    }  # fmt: skip


def _import_text(report: ImportReport, url: str) -> str:
    counts = ", ".join(f"{n} {state.value.lower()}" for state, n in report.counts.items())
    added = counted(report.added, "trial") + (f" ({counts})" if counts else "")
    if report.numbers:
        added += f", numbers {report.numbers[0]} to {report.numbers[-1]}"
    lines = [f"source   {report.study}  ({report.format})", f"added    {added}"]
    if report.already:
        lines.append(f"already  {counted(report.already, 'trial')} of it in the study")
    lines += [
        f"refused  {counted(r.count, 'trial')}: {r.reason} ({r.example})" for r in report.refused
    ]
    lines += [f"note     {note}" for note in report.notes]
    return "\n".join([*lines, f"store    {url}"])


def _export_text(report: ExportReport) -> str:
    lines = [f"written  {counted(report.trials, 'trial')} to {report.target}  ({report.format})"]
    return "\n".join(lines + [f"note     {note}" for note in report.notes])
