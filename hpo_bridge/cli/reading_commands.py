"""The commands that only read stored studies, and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from .common_options import (
    Csv,
    Json,
    Set,
    StoreToRead,
    StudyArguments,
    StudyBefore,
    StudyFileOrStore,
    StudyName,
    study_and_argument,
)


def status(
    study: StudyFileOrStore = None,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Show how far a study is; also while it runs."""
    from .read import show_status

    show_status(StudyArguments(study, store, name, set_ or []), as_json=json, as_csv=csv)


def best(
    study: StudyFileOrStore = None,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Show the best trial, or the front of several objectives."""
    from .read import show_best

    given = StudyArguments(study, store, name, set_ or [])
    raise typer.Exit(show_best(given, as_json=json, as_csv=csv))


def trials(
    study: StudyFileOrStore = None,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """List the trials; also while the study runs."""
    from .read import show_trials

    show_trials(StudyArguments(study, store, name, set_ or []), as_json=json, as_csv=csv)


def logs(
    study: StudyFileOrStore = None,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="The trial; else all that run or failed.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the trial has ended.")
    ] = False,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
) -> None:
    """Show what a trial printed; also while it runs."""
    from .logs import show_logs

    show_logs(StudyArguments(study, store, name, set_ or []), trial=trial, follow=follow)


def verify(
    study: StudyFileOrStore = None,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Check that the backends propose again what the log has."""
    from .verify import verify_study

    given = StudyArguments(study, store, name, set_ or [])
    raise typer.Exit(verify_study(given, as_json=json))


def export(
    study: StudyBefore = None,
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A file or a URL.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="The target's format.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Write the trials as CSV, JSON, Parquet or an Optuna storage."""
    from .import_export import export_trials

    given, target = study_and_argument(study, target, store, name, set_ or [])
    export_trials(given, target, format=format, overwrite=overwrite, as_json=json)


def studies(
    store: Annotated[
        str, typer.Option(metavar="URL", help="The store: a URL, or the path of a SQLite file.")
    ],
    json: Json = False,
) -> None:
    """List the studies of a store."""
    from .study_list import show_studies

    show_studies(store, as_json=json)
