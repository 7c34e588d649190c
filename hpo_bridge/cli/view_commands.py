"""The commands that show a study, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common_options import Json, Set, Store, StudyFile


def plot(
    study: StudyFile,
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="Such as history.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A .png, .svg, .pdf or .html file."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="An option of the picture."),
    ] = None,
    store: Store = None,
    set_: Set = None,
) -> None:
    """Draw a picture of a study; also while it runs."""
    from .views import plot_study

    plot_study(study, picture, output, option or [], store, set_ or [])


def report(
    study: StudyFile,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="An .html file.")
    ] = None,
    store: Store = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Write what a study has found as one page: findings, then pictures."""
    from .views import report_study

    report_study(study, output, store, set_ or [], as_json=json)
