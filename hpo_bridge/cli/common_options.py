"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]
Backend = Annotated[
    str | None, typer.Option(metavar="NAME", help="Another backend than the file's.")
]
Store = Annotated[str | None, typer.Option(metavar="URL", help="Another store than the file's.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on standard output.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key: --set budget.trials=10."),
]
