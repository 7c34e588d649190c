"""The commands that show a study, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common_options import (
    Json,
    Set,
    StoreToRead,
    StudyArguments,
    StudyBefore,
    StudyFileOrStore,
    StudyName,
    study_and_argument,
)


def plot(
    study: StudyBefore = None,
    picture: Annotated[
        str | None, typer.Argument(metavar="PICTURE", help="Such as history.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A file: .png, .svg, .pdf …"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="An option of the picture."),
    ] = None,
    store: StoreToRead = None,
    name: StudyName = None,
    set_: Set = None,
) -> None:
    """Draw a picture of a study; also while it runs."""
    from .viewing import plot_study

    given, picture = study_and_argument(study, picture, store, name, set_ or [])
    plot_study(given, picture, output, option or [])


def report(
    studies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STUDY.yaml...", help="One study file, or several; --store does instead."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="An .html file.")
    ] = None,
    store: StoreToRead = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--study", metavar="NAME", help="A study in --store; may be repeated."),
    ] = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Write the findings and pictures of studies as one page."""
    from .viewing import report_studies

    paths: list[Path | None] = [*studies] if studies else [None]
    wanted: list[str | None] = [*names] if names else [None]
    given = [StudyArguments(path, store, name, set_ or []) for path in paths for name in wanted]
    report_studies(given, output, as_json=json)


def dashboard(
    study: StudyFileOrStore = None,
    store: StoreToRead = None,
    name: StudyName = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; by default for you alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="The port; 0 for any free one.")] = 8080,
    browser: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
    set_: Set = None,
) -> None:
    """Show studies in the browser, also while they run; read-only."""
    from .dashboard_server import show_dashboard

    given = StudyArguments(study, store, name, set_ or [])
    show_dashboard(given, host=host, port=port, browser=browser)
