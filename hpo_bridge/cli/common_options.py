"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]
StudyFileOrStore = Annotated[
    Path | None,
    typer.Argument(metavar="STUDY.yaml", help="The study file; --store URL does in its place."),
]
StudyBefore = Annotated[
    str | None,
    typer.Argument(metavar="STUDY.yaml", help="The study file; --store URL does in its place."),
]
"""The study file before another argument; see :func:`study_and_argument`."""
StudyName = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="The study in --store, if that has several and no file is given.",
    ),
]
Backend = Annotated[
    str | None, typer.Option(metavar="NAME", help="Another backend than the file's.")
]
Runner = Annotated[
    str | None, typer.Option(metavar="NAME", help="Another runner than the file's.")
]
Store = Annotated[str | None, typer.Option(metavar="URL", help="Another store than the file's.")]
StoreToRead = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", help="Another store than the file's, or one in place of a file."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on standard output.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key: --set budget.trials=10."),
]


@dataclass(frozen=True)
class StudyArguments:
    """The arguments with which a command that only reads names its study.

    Attributes:
        path: The study file, if one is given.
        store: The store, if one is given.
        name: The study's name in the store, if it is given.
        overrides: Keys of the file to change, as ``KEY=VALUE``.
    """

    path: Path | None
    store: str | None
    name: str | None
    overrides: Sequence[str] = ()


def study_and_argument(
    study: str | None,
    argument: str | None,
    store: str | None,
    name: str | None,
    overrides: Sequence[str],
) -> tuple[StudyArguments, str | None]:
    """Return the arguments that name a study, and the argument that follows the study file.

    With a store in place of the file, a single argument is the one that follows.
    """
    if argument is None and store is not None:
        study, argument = None, study
    path = None if study is None else Path(study)
    return StudyArguments(path, store, name, overrides), argument
